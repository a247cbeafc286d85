"""Tests that name the candidate's crate, as files under ``tests/`` do: ``use etl::transform;``, ``etl::transform(..)``.

The crate's name is the one lower case name at the head of a path that nothing else explains: no standard crate, no
dependency, no primitive type, nothing that the tests declare themselves, no module or type of the candidate's. Its
paths are led to a module of explicit imports, so a glob import of tests reaches no macro of the candidate's.

Not covered: two such names in one source; a crate named by a macro that the tests define.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from burnish.syntax.source import apply_edits, name_of, parse, text_of, top_items, walk

STANDARD_CRATES = frozenset({"std", "core", "alloc"})
PRIMITIVES = frozenset(
    {"str", "bool", "char", "f32", "f64", *(f"{s}{n}" for s in "iu" for n in (8, 16, 32, 64, 128, "size"))}
)
_KEYWORDS = frozenset({"crate", "self", "super", "Self"})
_SCOPED = frozenset({"scoped_identifier", "scoped_type_identifier", "scoped_use_list", "use_wildcard"})
_SPACES = frozenset({"mod_item", "enum_item", "struct_item", "trait_item", "type_item", "union_item"})
"""Items that a path can begin with."""


def lead_crate_paths(source: str, candidate: Node, dependencies: Iterable[str], target: str) -> str:
    """``source`` with the paths of the candidate's crate beginning at ``target``; as it is when they name no crate."""
    root = parse(source)
    heads = list(_heads(root))
    explained = STANDARD_CRATES | PRIMITIVES | _KEYWORDS | set(dependencies) | _declared(root)
    explained |= {item.name for item in top_items(candidate) if item.kind in _SPACES}
    names = {text for text in map(text_of, heads) if text[:1].islower() and text not in explained}
    if len(names) != 1:
        return source
    name = names.pop()
    edits = [(head.start_byte, head.end_byte, target) for head in heads if text_of(head) == name]
    for node in walk(root):
        if node.type == "extern_crate_declaration" and name_of(node) == name:
            edits.append((node.start_byte, node.end_byte, ""))
    return apply_edits(source, edits)


def named_crates(source: str, known: Iterable[str]) -> tuple[str, ...]:
    """Which of the ``known`` crates a program names at the head of a path, sorted; its own modules are none."""
    root = parse(source)
    own = {item.name for item in top_items(root) if item.kind in _SPACES}
    heads = {text_of(head) for head in _heads(root, attributes=True)}
    heads |= {name_of(node) for node in root.named_children if node.type == "extern_crate_declaration"}
    return tuple(sorted((heads & set(known)) - own))


def path_head(node: Node) -> Node:
    """The first segment of a path or of an import's argument."""
    while node.named_children and node.type != "identifier":
        node = node.named_children[0]
    return node


def _heads(root: Node, *, attributes: bool = False) -> Iterator[Node]:
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


def _declared(root: Node) -> set[str]:
    """Modules of the tests, and names that their imports bring in from longer paths or under another name."""
    found: set[str] = set()
    for node in walk(root):
        if node.type in _SPACES:
            found.add(name_of(node))
        elif node.type == "use_as_clause":
            found.add(text_of(node.named_children[-1]))
        elif node.type == "use_declaration":
            argument = node.child_by_field_name("argument")
            if argument is not None and argument.type == "scoped_identifier":
                found.add(name_of(argument))
        elif node.type == "use_list":
            found |= {text_of(child) for child in node.named_children if child.type == "identifier"}
    return found
