"""Support tests that name the candidate's crate, like files under ``tests/``: ``use etl::transform;``,
``etl::transform(..)``.

The crate's name is the only lower-case name at the head of a path without another explanation: not a standard crate, a
dependency, a primitive type, a declaration of the tests, or a module or type of the candidate. Its paths are redirected
to a module of explicit imports, so that a glob import of tests cannot reach the candidate's macros.

Not covered: two such names in one source; a crate named by a macro that the tests define.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from tree_sitter import Node

from burnish.syntax.crates import SPACES, path_heads
from burnish.syntax.source import apply_edits, name_of, parse, text_of, top_items, walk
from burnish.syntax.standard_names import OWN_HEADS, PRIMITIVES, STANDARD_CRATES

_PATHS = frozenset({"scoped_identifier", "scoped_use_list", "use_wildcard", "use_as_clause", "use_list"})


def lead_crate_paths(source: str, candidate: Node, dependencies: Iterable[str], target: str) -> str:
    """Redirect the paths of the candidate's crate in ``source`` to ``target``; unchanged when no crate is named."""
    name = crate_named_by(source, candidate, dependencies) if _foreign_heads(source) else ""
    return with_paths_led(source, name, target) if name else source


@functools.lru_cache(maxsize=256)
def _foreign_heads(source: str) -> bool:
    """Return whether tests, which are the same for many answers, name anything that may be the candidate's crate."""
    root = parse(source)
    explained = STANDARD_CRATES | OWN_HEADS | {"Self", *PRIMITIVES} | _declared(root)
    return any(text_of(head)[:1].islower() and text_of(head) not in explained for head in path_heads(root))


def crate_named_by(source: str, candidate: Node, dependencies: Iterable[str]) -> str:
    """Return the name that tests give the candidate's crate; empty for none or several."""
    root = parse(source)
    explained = STANDARD_CRATES | OWN_HEADS | {"Self", *PRIMITIVES, *dependencies} | _declared(root)
    explained |= {item.name for item in top_items(candidate) if item.kind in SPACES} | _imported(candidate)
    heads = [head for head in path_heads(root) if text_of(head)[:1].islower() and text_of(head) not in explained]
    if any(node.type == "use_wildcard" for node in walk(root)):  # it may bring in a module from within another
        inner = {name_of(node) for node in walk(candidate) if node.type in SPACES}
        heads = [head for head in heads if text_of(head) not in inner or _is_imported(head)]
    names = {text_of(head) for head in heads}
    return names.pop() if len(names) == 1 else ""


def _is_imported(head: Node) -> bool:
    """Return whether a path is in an import."""
    above = head.parent
    while above is not None and above.type in _PATHS:
        above = above.parent
    return above is not None and above.type == "use_declaration"


def with_paths_led(source: str, name: str, target: str, own: str = "") -> str:
    """Redirect paths of the crate ``name`` in ``source`` to ``target``, and its own ``crate::`` to ``own``."""
    root = parse(source)
    edits = [(head.start_byte, head.end_byte, target) for head in path_heads(root) if name and text_of(head) == name]
    for node in walk(root):
        if name and node.type == "extern_crate_declaration" and name_of(node) == name:
            edits.append((node.start_byte, node.end_byte, ""))
        elif own and node.type == "crate" and node.next_sibling is not None and node.next_sibling.type == "::":
            edits.append((node.start_byte, node.end_byte, own))
    return apply_edits(source, edits)


def path_head(node: Node) -> Node:
    """Return the first segment of a path or of an import's argument."""
    while node.named_children and node.type != "identifier":
        node = node.named_children[0]
    return node


def _imported(candidate: Node) -> set[str]:
    """Return names that the candidate imports, which tests in its file see."""
    return _declared_by(node for node in candidate.named_children if node.type == "use_declaration")


def _declared(root: Node) -> set[str]:
    """Return modules of the tests, and names that their imports bind."""
    names = {name_of(node) for node in walk(root) if node.type in SPACES}
    return names | _declared_by(node for node in walk(root) if node.type == "use_declaration")


def _declared_by(imports: Iterable[Node]) -> set[str]:
    names: set[str] = set()
    for node in (inner for declaration in imports for inner in walk(declaration)):
        if node.type == "use_as_clause":
            names.add(text_of(node.named_children[-1]))
        elif node.type == "use_declaration":
            argument = node.child_by_field_name("argument")
            if argument is not None and argument.type == "scoped_identifier":
                names |= {name_of(argument)} - {text_of(path_head(argument))}
        elif node.type == "use_list":
            names |= {text_of(child) for child in node.named_children if child.type == "identifier"}
            path = node.parent.child_by_field_name("path") if node.parent is not None else None
            if path is not None and any(child.type == "self" for child in node.named_children):
                names.add(text_of(path).split("::")[-1].strip())
    return names
