"""Which programs may share a crate with others, each as a module of its own, without anyone being able to tell.

A program joins only when it is plain: no unsafe code, no macros of its own, no attribute that reaches outside, no name
that means the crate, the file or the process, and no impl of a foreign trait for a foreign type (another module's type
inference could see it). The rule errs on the side of judging alone: words count wherever they stand, comments included.

Not covered: whether it compiles; whoever joins and then turns out to be at fault leaves (`batch`).
"""

from __future__ import annotations

import re

from tree_sitter import Node

from burnish.records import Edition
from burnish.syntax.source import name_of, parse, text_of, walk

PREFIX = "joined_"
"""Begins the name of every module; a program that holds this word does not join."""
_MOST_BYTES = 16_384
_ALONE = re.compile(
    r"\b(?:crate|unsafe|main|extern|macro_rules|macro|joined_\w*|tested_\w*|include\w*|\w*asm|\w*env|paths?|module_path"
    r"|type_name\w*|type_id|TypeId|Any|Location|caller|\w*[bB]acktrace|panic_any"
    r"|\w*_hook|catch_unwind|thread_local|proc_macro|feature|link\w*|async|await|deny|forbid|global_allocator"
    r"|non_exhaustive|dbg)\b|(?:file|line|column)\s*!|\bany\s*::|use[^;]*\bany\b|r#\w|//!|/\*!|#\s*!"
)
_ATTRIBUTE = re.compile(r"#\s*\[\s*([\w:]*)")
_HARMLESS = frozenset({"derive", "inline", "must_use", "doc", "test", "cold", "track_caller", "default"})
_TYPES = frozenset({"struct_item", "enum_item", "union_item"})


def may_join(code: str, edition: Edition) -> bool:
    """Whether the program may be one module among others."""
    if edition == "2015" or len(code) > _MOST_BYTES or not code.isascii() or _ALONE.search(code):
        return False
    if any(name not in _HARMLESS for name in _ATTRIBUTE.findall(code)):
        return False
    return _stays_inside(code)


def _stays_inside(code: str) -> bool:
    root = parse(code)
    if root.has_error:
        return False
    types: set[str] = set()
    traits: set[str] = set()
    impls: list[tuple[str, str]] = []
    for node in walk(root):
        if node.type in _TYPES:
            types.add(name_of(node))
        elif node.type in ("inner_attribute_item", "macro_definition", "foreign_mod_item"):
            return False  # whatever stands between its characters
        elif node.type == "attribute_item" and not _is_harmless(node):
            return False
        elif node.type == "trait_item":
            traits.add(name_of(node))
        elif node.type == "super" or (node.type == "mod_item" and node.child_by_field_name("body") is None):
            return False
        elif node.type == "impl_item":
            trait, kind = node.child_by_field_name("trait"), node.child_by_field_name("type")
            if trait is not None and kind is not None:
                impls.append((_base(text_of(trait)), _base(text_of(kind))))
    return all(kind in types or trait in traits for trait, kind in impls)


def _is_harmless(attribute: Node) -> bool:
    inner = next((one for one in attribute.named_children if one.type == "attribute"), None)
    return inner is not None and bool(inner.named_children) and text_of(inner.named_children[0]) in _HARMLESS


def _base(path: str) -> str:
    return path.split("<", maxsplit=1)[0].strip()
