"""Which crates a program names, by its syntax tree.

Not covered: names that macros make; crates of edition 2015, whose paths begin at the root.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from burnish.syntax.source import name_of, parse, text_of, top_items, walk

WELL_KNOWN = ("anyhow", "chrono", "rand", "regex", "serde", "serde_json", "thiserror", "uuid")
"""Crates of the usual dependency set: a program that names one needs it, whether the set is there or not."""
_SCOPED = frozenset({"scoped_identifier", "scoped_type_identifier", "scoped_use_list", "use_wildcard"})
_STANDARD = frozenset({"std", "core", "alloc", "crate", "self", "super", "proc_macro", "test"})
SPACES = frozenset({"mod_item", "enum_item", "struct_item", "trait_item", "type_item", "union_item"})
"""Items that a path can begin with."""


def named_crates(source: str, known: Iterable[str]) -> tuple[str, ...]:
    """Which of the ``known`` crates a program names at the head of a path, sorted; its own modules are none."""
    root = parse(source)
    own = {item.name for item in top_items(root) if item.kind in SPACES}
    heads = {text_of(head) for head in path_heads(root, attributes=True)}
    heads |= {name_of(node) for node in root.named_children if node.type == "extern_crate_declaration"}
    return tuple(sorted((heads & set(known)) - own))


def unused_imports(source: str, crates: Iterable[str], also: str = "") -> tuple[list[tuple[int, int]], set[str]]:
    """Places of the imports from those of ``crates`` that neither ``source`` nor ``also`` uses, and the other crates.

    A trait's methods do not name it, so one used name of a crate keeps all that is imported from it.
    """
    root = parse(source)
    names: dict[str, set[str]] = {crate: {crate} for crate in crates}
    places: dict[str, list[tuple[int, int]]] = {crate: [] for crate in names}
    for node in root.named_children:
        crate = _imported_crate(node)
        if crate in names:
            names[crate] |= {text_of(n) for n in walk(node) if n.type in ("identifier", "type_identifier")}
            places[crate].append((node.start_byte, node.end_byte))
    used = {text_of(n) for n in _outside_imports(root)} | {text_of(n) for n in _outside_imports(parse(also))}
    kept = {crate for crate, its in names.items() if its & used}
    return [place for crate in names if crate not in kept for place in places[crate]], kept


def imported_crates(root: Node) -> set[str]:
    """Crates that the top level imports from, the standard ones and its own modules aside."""
    own = {item.name for item in top_items(root) if item.kind in SPACES}
    return {crate for node in root.named_children if (crate := _imported_crate(node))} - own - _STANDARD


def _imported_crate(node: Node) -> str:
    """The first name of an import, or nothing where it has several or is none."""
    if node.type == "extern_crate_declaration":
        return name_of(node)
    argument = node.child_by_field_name("argument") if node.type == "use_declaration" else None
    while argument is not None and argument.type != "identifier":
        argument = argument.named_children[0] if argument.named_children else None
        if argument is not None and argument.type == "use_list":
            return ""
    return "" if argument is None else text_of(argument)


def _outside_imports(root: Node) -> Iterator[Node]:
    """Names that stand outside of top-level imports; those in imports of inner modules are uses."""
    for item in root.named_children:
        if item.type not in ("use_declaration", "extern_crate_declaration"):
            yield from (n for n in walk(item) if n.type in ("identifier", "type_identifier"))


def path_heads(root: Node, *, attributes: bool = False) -> Iterator[Node]:
    """First segments of all paths, those inside of macro calls too, and on demand those in attributes."""
    for node in walk(root):
        if node.type != "identifier" or node.parent is None or _inside_list(node):
            continue
        if not attributes and _in_attribute(node):
            continue
        parent = node.parent
        if parent.type == "token_tree":
            before, after = node.prev_sibling, node.next_sibling
            if after is not None and after.type == "::" and (before is None or before.type not in ("::", ".")):
                behind = after.next_sibling
                if behind is None or behind.type != "<":  # `parse::<u8>()` calls a function
                    yield node
        elif _begins_import(node) or (
            parent.type in _SCOPED
            and parent.named_children[0] == node
            and parent.type != "use_wildcard"
            and (parent.parent is None or _is_head_of_scope(parent))
        ):
            yield node


def _in_attribute(node: Node) -> bool:
    """``#[allow(clippy::all)]`` names no crate that code could reach."""
    above = node.parent
    while above is not None and above.type in ("token_tree", "scoped_identifier"):
        above = above.parent
    return above is not None and above.type == "attribute"


def _inside_list(node: Node) -> bool:
    """``b`` in ``use a::{b::C};``: its path began before the braces."""
    above = node.parent
    while above is not None and above.type in (*_SCOPED, "use_as_clause", "use_list"):
        if above.type == "use_list" and above.parent is not None and above.parent.type == "scoped_use_list":
            return True
        above = above.parent
    return False


def _is_head_of_scope(scoped: Node) -> bool:
    """Whether no further path stands before: ``::a::b`` begins at the root and is left alone."""
    first = scoped.children[0]
    return first.type != "::"


def _begins_import(node: Node) -> bool:
    """``use name as other;``, ``use name::*;`` or ``use name;``: the head has no scoped parent."""
    parent = node.parent
    assert parent is not None
    if parent.type in ("use_as_clause", "use_wildcard"):
        return parent.named_children[0] == node and (parent.parent is None or parent.parent.type != "use_list")
    return parent.type == "use_declaration"
