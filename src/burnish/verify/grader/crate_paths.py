"""Tests that name the candidate's crate, as files under ``tests/`` do: ``use etl::transform;``, ``etl::transform(..)``.

The crate's name is the one lower case name at the head of a path that nothing else explains: no standard crate, no
dependency, no primitive type, nothing that the tests declare themselves, no module or type of the candidate's. Its
paths are led to a module of explicit imports, so a glob import of tests reaches no macro of the candidate's.

Not covered: two such names in one source; a crate named by a macro that the tests define.
"""

from __future__ import annotations

from collections.abc import Iterable

from tree_sitter import Node

from burnish.syntax.crates import SPACES, path_heads
from burnish.syntax.source import apply_edits, name_of, parse, text_of, top_items, walk

STANDARD_CRATES = frozenset({"std", "core", "alloc"})
PRIMITIVES = frozenset(
    {"str", "bool", "char", "f32", "f64", *(f"{s}{n}" for s in "iu" for n in (8, 16, 32, 64, 128, "size"))}
)
_KEYWORDS = frozenset({"crate", "self", "super", "Self"})


def lead_crate_paths(source: str, candidate: Node, dependencies: Iterable[str], target: str) -> str:
    """``source`` with the paths of the candidate's crate beginning at ``target``; as it is when they name no crate."""
    root = parse(source)
    heads = list(path_heads(root))
    explained = STANDARD_CRATES | PRIMITIVES | _KEYWORDS | set(dependencies) | _declared(root)
    explained |= {item.name for item in top_items(candidate) if item.kind in SPACES}
    names = {text for text in map(text_of, heads) if text[:1].islower() and text not in explained}
    if len(names) != 1:
        return source
    name = names.pop()
    edits = [(head.start_byte, head.end_byte, target) for head in heads if text_of(head) == name]
    for node in walk(root):
        if node.type == "extern_crate_declaration" and name_of(node) == name:
            edits.append((node.start_byte, node.end_byte, ""))
    return apply_edits(source, edits)


def path_head(node: Node) -> Node:
    """The first segment of a path or of an import's argument."""
    while node.named_children and node.type != "identifier":
        node = node.named_children[0]
    return node


def _declared(root: Node) -> set[str]:
    """Modules of the tests, and names that their imports bring in from longer paths or under another name."""
    found: set[str] = set()
    for node in walk(root):
        if node.type in SPACES:
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
