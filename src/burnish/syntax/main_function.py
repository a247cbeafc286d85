"""Decide whether a source is a program: it has a ``main``, imports one, or calls its own macro that makes one.

Not covered: a ``main`` that a macro of another crate makes, or that a ``cfg`` turns off.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from tree_sitter import Node

from burnish.syntax.imports import imports_of
from burnish.syntax.source import function_named, name_of, parse, text_of, top_items, walk

_MAIN = "main"


def has_main(source: str) -> bool:
    """Return whether the top level of a file has a ``main``."""
    if _MAIN not in source:
        return False
    root = parse(source)
    if function_named(root, _MAIN) is not None:
        return True
    modules = {item.name for item in top_items(root) if item.kind == "mod_item" and _holds_main(item.node)}
    macros = {
        name_of(node): _written_functions(node) for node in root.named_children if node.type == "macro_definition"
    }
    return any(_imports_main(node, modules) or _makes_main(node, macros) for node in root.named_children)


def _holds_main(module: Node) -> bool:
    body = module.child_by_field_name("body")
    return body is not None and function_named(body, _MAIN) is not None


def _imports_main(node: Node, modules: set[str]) -> bool:
    """Return whether a ``use`` imports a main: ``use app::main;``, ``use app::run as main;``, ``use app::*;``."""
    if node.type != "use_declaration":
        return False
    return any(
        imported.name == _MAIN
        or (imported.name == "*" and imported.path.removesuffix("::*").rpartition("::")[2] in modules)
        for imported in imports_of(node)
    )


def _makes_main(node: Node, macros: Mapping[str, set[str]]) -> bool:
    """Return whether a call of the file's own macro makes a main: ``fn main``, or ``fn $name`` given ``main``."""
    call = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    called = call.child_by_field_name("macro") if call.type == "macro_invocation" else None
    written = macros.get(text_of(called), set()) if called is not None else set()
    given = (text_of(word) == _MAIN for word in walk(call) if word.type == "identifier")
    return _MAIN in written or (any(word.startswith("$") for word in written) and any(given))


def _written_functions(macro: Node) -> set[str]:
    """Return the names behind ``fn`` in a macro's definition; parameters with their ``$``."""
    leaves = (text_of(node) for node in walk(macro) if not node.children or node.type == "metavariable")
    return {name for before, name in itertools.pairwise(leaves) if before == "fn"}
