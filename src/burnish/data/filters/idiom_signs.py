"""Find families of idiom and of low quality in Rust with one query over the tree.

Idiomatic:

    result       a function returns a Result, anywhere in its return type, under any path (io::Result<()>)
    option       the same for Option
    combinators  a method map, and_then, expect or unwrap_or is called, or one that starts like these (map_err),
                 also in macro arguments
    derive       an attribute #[derive(...)]
    trait_impl   an impl Trait for Type, with or without generics
    public_item  a function, struct, enum, trait or module with a visibility

Of low quality:

    unfinished   a comment holds TODO, FIXME, XXX or HACK in capitals, or in any case before a colon or bracket; or
                 todo! or unimplemented! is called
    debugging    dbg! is called (println! is not meant: programs print)
    unsafe       an unsafe block
    allow        an attribute #[allow(...)] or #![allow(...)]

Names in strings and comments count for nothing else. Not covered: how often a sign occurs.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

import tree_sitter_rust
from tree_sitter import Language, Node, Query, QueryCursor

from burnish.syntax.source import text_of, walk

_QUERY = """
[(function_item return_type: (_) @returned) (function_signature_item return_type: (_) @returned)]

(call_expression function: [
  (field_expression field: (field_identifier) @combinators)
  (generic_function function: (field_expression field: (field_identifier) @combinators))
] (#match? @combinators "^(map|and_then|expect|unwrap_or)"))
(token_tree "." . (identifier) @combinators (#match? @combinators "^(map|and_then|expect|unwrap_or)"))

(attribute . (identifier) @derive (#eq? @derive "derive"))
(attribute . (identifier) @allow (#eq? @allow "allow"))
(impl_item trait: (_) @trait_impl)
[(function_item (visibility_modifier)) (struct_item (visibility_modifier)) (enum_item (visibility_modifier))
 (trait_item (visibility_modifier)) (mod_item (visibility_modifier))] @public_item

(unsafe_block) @unsafe
(token_tree "unsafe" @unsafe . (token_tree))
(macro_invocation macro: [(identifier) @macro (scoped_identifier name: (identifier) @macro)]
  (#any-of? @macro "dbg" "todo" "unimplemented"))
(token_tree (identifier) @macro . "!" (#any-of? @macro "dbg" "todo" "unimplemented"))

[(outer_doc_comment_marker) (inner_doc_comment_marker)] @documented
(attribute . (identifier) @documented value: (_) (#eq? @documented "doc"))
"""
_COMMENTS = "[(line_comment) (block_comment)] @comment"
_UNFINISHED = ("todo", "fixme", "xxx", "hack", "unimplemented")
_MARK = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|\b(?i:todo|fixme|xxx|hack)\s*[:(\[]")
_UNFINISHED_MACRO = re.compile(r"\b(?:todo|unimplemented)\s*!")
_UNSAFE = re.compile(r"\bunsafe\s*[{(\[/]")
_ALLOW = re.compile(r"\ballow\s*[(/]")
_SIMPLE_IDIOMS = ("combinators", "derive", "trait_impl", "public_item")


@dataclass(frozen=True)
class Signs:
    """The signs of one source."""

    idiomatic: frozenset[str]
    low_quality: frozenset[str]
    documented: bool
    """Whether there is any doc comment: ``///``, ``//!``, ``/** */``, ``/*! */`` or ``#[doc = ...]``."""


def read_signs(root: Node) -> Signs:
    """Find the signs of a tree; with syntax errors only those in the readable parts."""
    captures = QueryCursor(_query(_QUERY)).captures(root)
    idiomatic: set[str] = {family for family in _SIMPLE_IDIOMS if family in captures}
    names = {text_of(node) for kind in captures.get("returned", []) for node in walk(kind) if _is_name(node)}
    idiomatic |= {name.lower() for name in ("Result", "Option") if name in names}
    macros = {text_of(node) for node in captures.get("macro", [])}
    low: set[str] = {family for family in ("unsafe", "allow") if family in captures}
    if "dbg" in macros:
        low.add("debugging")
    if macros - {"dbg"} or _has_mark(root):
        low.add("unfinished")
    return Signs(frozenset(idiomatic), frozenset(low), "documented" in captures)


def most_low_quality(source: str) -> int:
    """Bound the families of low quality by the source's words, without a tree."""
    lower = source.lower()
    unfinished = any(word in lower for word in _UNFINISHED) and (
        _MARK.search(source) is not None or _UNFINISHED_MACRO.search(source) is not None
    )
    unsafe = "unsafe" in source and _UNSAFE.search(source) is not None
    allow = "allow" in source and _ALLOW.search(source) is not None
    return unfinished + unsafe + allow + ("dbg" in source)


def _is_name(node: Node) -> bool:
    return node.type == "type_identifier"


def _has_mark(root: Node) -> bool:
    if _MARK.search(text_of(root)) is None:
        return False
    comments: Iterable[Node] = QueryCursor(_query(_COMMENTS)).captures(root).get("comment", [])
    return any(_MARK.search(text_of(node)) for node in comments)


@functools.cache
def _query(text: str) -> Query:
    return Query(Language(tree_sitter_rust.language()), text)
