"""Make everything in a candidate's crate visible to the crate that tests it, keeping every line in place.

Not covered: items that macros make.
"""

from __future__ import annotations

from collections.abc import Collection

from tree_sitter import Node

from burnish.syntax.source import BESIDE_ITEMS, NAMED_ITEMS, apply_edits, name_of, parse, text_of


def make_public(source: str, modules: Collection[str] | None = None) -> str:
    """Make items, fields and inherent methods visible from outside, in inline ``modules`` (or all) too; lines stay.

    ``#![crate_name]`` is blanked."""
    root = parse(source)
    edits = [(n.start_byte, n.end_byte, "\n" * text_of(n).count("\n")) for n in root.children if _names_crate(n)]
    containers = [root]
    while containers:
        for node in containers.pop().named_children:
            if node.type in NAMED_ITEMS and name_of(node) != "_":
                _publish(node, edits)
            body = node.child_by_field_name("body")
            if body is None:
                continue
            if node.type == "mod_item":
                containers += [body] if modules is None or name_of(node) in modules else []
            elif node.type in ("struct_item", "union_item"):
                _publish_fields(body, edits)
            elif node.type == "impl_item" and node.child_by_field_name("trait") is None:
                for member in body.named_children:
                    if member.type in ("function_item", "const_item"):
                        _publish(member, edits)
    return apply_edits(source, edits)


def _names_crate(node: Node) -> bool:
    """Return whether a node is ``#![crate_name = ".."]``: a library is compiled under its tests' name."""
    return node.type == "inner_attribute_item" and any(
        n.type == "attribute" and text_of(n.named_children[0]) == "crate_name" for n in node.named_children
    )


def _publish(node: Node, edits: list[tuple[int, int, str]]) -> None:
    visibility = next((c for c in node.named_children if c.type == "visibility_modifier"), None)
    if visibility is None:
        edits.append((node.start_byte, node.start_byte, "pub "))
    elif text_of(visibility) != "pub":
        edits.append((visibility.start_byte, visibility.end_byte, "pub "))


def _publish_fields(body: Node, edits: list[tuple[int, int, str]]) -> None:
    if body.type == "field_declaration_list":
        for field in body.named_children:
            if field.type == "field_declaration":
                _publish(field, edits)
        return
    seen_visibility = False
    for child in body.named_children:  # (pub A, B): visibility and type are siblings
        if child.type == "visibility_modifier":
            seen_visibility = True
            if text_of(child) != "pub":
                edits.append((child.start_byte, child.end_byte, "pub "))
        elif child.type not in BESIDE_ITEMS:
            if not seen_visibility:
                edits.append((child.start_byte, child.start_byte, "pub "))
            seen_visibility = False
