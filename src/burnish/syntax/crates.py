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
SPACES = frozenset({"mod_item", "enum_item", "struct_item", "trait_item", "type_item", "union_item"})
"""Items that a path can begin with."""


def named_crates(source: str, known: Iterable[str]) -> tuple[str, ...]:
    """Which of the ``known`` crates a program names at the head of a path, sorted; its own modules are none."""
    root = parse(source)
    own = {item.name for item in top_items(root) if item.kind in SPACES}
    heads = {text_of(head) for head in path_heads(root, attributes=True)}
    heads |= {name_of(node) for node in root.named_children if node.type == "extern_crate_declaration"}
    return tuple(sorted((heads & set(known)) - own))


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
