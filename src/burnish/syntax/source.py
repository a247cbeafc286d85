"""Answer questions about Rust source by its syntax tree.

Not covered: judging a program (the compiler does that). tree-sitter may lag behind the newest syntax,
so an error in its tree is a hint and never a verdict.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

from burnish.syntax.standard_names import STATEMENT_MACROS

ITEMS = frozenset(
    {
        "function_item", "struct_item", "enum_item", "union_item", "type_item", "const_item", "static_item",
        "trait_item", "mod_item", "impl_item", "use_declaration", "macro_definition", "macro_invocation",
        "foreign_mod_item", "extern_crate_declaration", "function_signature_item",
    }
)  # fmt: skip
NAMED_ITEMS = frozenset(
    {
        "function_item", "struct_item", "enum_item", "union_item", "type_item", "const_item", "static_item",
        "trait_item", "mod_item",
    }
)  # fmt: skip
BESIDE_ITEMS = frozenset({"line_comment", "block_comment", "attribute_item", "inner_attribute_item", "shebang"})
_RAW_STRING = re.compile(rb'r(#{1,255})"')
_MANY_RAW_STRINGS = 16
_IDENTIFIERS = frozenset({"identifier", "type_identifier"})
_OPENERS = frozenset({"fn", "struct", "enum", "impl", "trait", "mod", "macro_rules!"})


_IN_ONE_PIECE, _PART = 256, 1024
_STEPS, _BYTES_PER_STEP, _MOST_S = 500, 8, 1.0
"""Bounds of parsing, in hundreds of steps and in seconds of CPU: programs and prose take one per 50 bytes, tables one
per 11, and 0.2 s for 256 KiB."""
_LOOKS, _LOOKS_PER_BYTE = 64, 32
"""Parts of the text that parsing may ask for: programs and prose ask for 30, and for each part twice."""


@dataclass(frozen=True)
class Item:
    """A named item at the top level of a file."""

    kind: str
    """Node type, as in ``function_item``."""
    name: str
    node: Node


@functools.cache
def _language() -> Language:
    return Language(tree_sitter_rust.language())


def parse(source: str) -> Node:
    """Parse to the root of the syntax tree; every call has its own parser, so threads may call it.

    The time is linear in the length: where the parser needs more steps than any program of that length does
    (`can_be_read`), the tree is that of a broken source without items.
    """
    return _tree(source) or Parser(_language()).parse(b"\0").root_node


def can_be_read(source: str) -> bool:
    """Return whether the steps that a source's length allows for are enough to parse it."""
    return _tree(source) is not None


@functools.lru_cache(maxsize=4)
def _tree(source: str) -> Node | None:
    """Parse within the steps, otherwise return None. Cached, since many callers parse the same answer.

    The parser repairs what is broken by trying: 4 kB of ``,-`` take it 2 s, by the square of the length. It also looks
    from each ``#!`` on to the end of a line. Counted are its steps and what it asks to see of the text, so the outcome
    depends on the text alone. A limit of time is behind it for steps of another kind: quotes alone cost 13 us a byte,
    programs less than 1. Long texts are read in parts; in one piece one would hold up every other thread.
    """
    text = _without_open_raw_strings(source.encode(errors="replace"))
    if len(text) <= _IN_ONE_PIECE:
        return Parser(_language()).parse(text).root_node
    steps = _STEPS + len(text) // _BYTES_PER_STEP
    ends = time.thread_time() + _MOST_S
    looks = _LOOKS + _LOOKS_PER_BYTE * len(text) // _PART

    def part(start: int, _: object) -> bytes:
        nonlocal looks
        looks -= 1
        return text[start : start + _PART]

    def is_enough(*_: object) -> bool:
        nonlocal steps
        steps -= 1
        return steps < 0 or looks < 0 or time.thread_time() > ends

    try:
        return Parser(_language()).parse(part, progress_callback=is_enough).root_node
    except ValueError:  # stopped
        return None


def _without_open_raw_strings(text: bytes) -> bytes:
    """Cut ``text`` at the second of many raw strings that never end.

    The grammar searches the whole text for the end of each. Behind the first there is no code, so the rest adds
    nothing to the tree.
    """
    if text.count(b"r#") < _MANY_RAW_STRINGS:
        return text
    ends: dict[bytes, int] = {}
    opened: list[int] = []
    for match in _RAW_STRING.finditer(text):
        marks = match[1]
        if marks not in ends:
            ends[marks] = text.rfind(b'"' + marks)
        if ends[marks] < match.end():
            opened.append(match.start())
    return text[: opened[1]] if len(opened) >= _MANY_RAW_STRINGS else text


def text_of(node: Node) -> str:
    """Return the source a node covers."""
    return (node.text or b"").decode(errors="replace")


def name_of(node: Node) -> str:
    """Return the name of an item, or an empty string."""
    name = node.child_by_field_name("name")
    return "" if name is None else text_of(name)


def last_name(node: Node | None) -> str:
    """Return the last identifier of a path, a type or an item's name without ``r#``; empty without one.

    References, type arguments, parentheses and comments between the parts do not change it.
    """
    while node is not None and node.child_count:
        inner = node.child_by_field_name("name") or node.child_by_field_name("type")
        if inner is None:
            parts = [child for child in node.named_children if child.type not in BESIDE_ITEMS]
            enclosed = node.type == "tuple_type" and len(parts) == 1 and all(c.type != "," for c in node.children)
            inner = parts[0] if enclosed else None
        node = inner
    return "" if node is None else plain_name(text_of(node))


def plain_name(name: str) -> str:
    """Return an identifier without the mark of raw ones, which changes no meaning: ``r#P`` is ``P``."""
    return name.removeprefix("r#")


def top_items(root: Node) -> list[Item]:
    """Return named items at the top level, in order."""
    return [Item(n.type, name_of(n), n) for n in root.named_children if n.type in NAMED_ITEMS]


def function_named(root: Node, name: str) -> Node | None:
    """Return the top-level function of that name."""
    return next((i.node for i in top_items(root) if i.kind == "function_item" and i.name == name), None)


def is_program(root: Node) -> bool:
    """Return whether the tree has no errors and holds only items, at least one of them."""
    if root.has_error:
        return False
    items = 0
    for node in root.named_children:
        if (node.type in ITEMS and not _calls_statement_macro(node)) or _calls_item_macro(node):
            items += 1
        elif node.type not in BESIDE_ITEMS and node.type != "empty_statement":
            return False
    return items > 0


def _calls_item_macro(node: Node) -> bool:
    """Return whether a macro call may stand at the top level: ``make!(f);`` may, ``println!("x");`` may not."""
    call = node.named_children[0] if node.type == "expression_statement" and node.named_children else None
    return call is not None and call.type == "macro_invocation" and not _calls_statement_macro(call)


def _calls_statement_macro(node: Node) -> bool:
    name = node.child_by_field_name("macro") if node.type == "macro_invocation" else None
    return name is not None and text_of(name).rpartition("::")[2] in STATEMENT_MACROS


def looks_like_code(root: Node) -> bool:
    """Return whether something in the tree opens an item, even in broken source. Prose does not."""
    return any(
        before is not None and before.type in _OPENERS and node.is_named for node, before in walk_with_before(root)
    )


def walk(root: Node) -> Iterator[Node]:
    """Yield every node, parents first, without recursion: hostile sources nest tens of thousands deep."""
    return (node for node, _ in walk_with_before(root))


def walk_with_before(root: Node) -> Iterator[tuple[Node, Node | None]]:
    """Yield every node with its previous sibling, parents first.

    A node's own ``next_sibling``, ``prev_sibling`` and ``parent`` search the tree from its root each time: quadratic
    time over a whole tree.
    """
    cursor = root.walk()
    before: list[Node | None] = [None]
    while True:
        node = cursor.node
        assert node is not None
        yield node, before[-1]
        if cursor.goto_first_child():
            before[-1] = node
            before.append(None)
            continue
        before[-1] = node
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            before.pop()


def identifiers(source: str) -> set[str]:
    """Return all identifiers of a source, except those that name a macro being called."""
    names: set[str] = set()
    macros: set[str] = set()
    for node, before in walk_with_before(parse(source)):
        if node.type in _IDENTIFIERS:
            names.add(text_of(node))
        elif node.type == "!" and before is not None and before.type in _IDENTIFIERS:
            macros.add(text_of(before))
    return names - macros


def apply_edits(source: str, edits: list[tuple[int, int, str]]) -> str:
    """Replace byte ranges (start, end, text) that do not overlap."""
    data = source.encode()
    parts: list[bytes] = []
    at = 0
    for start, end, text in sorted(edits):
        parts += (data[at:start], text.encode())
        at = end
    return b"".join([*parts, data[at:]]).decode()
