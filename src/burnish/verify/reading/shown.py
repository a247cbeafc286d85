"""Code that an instruction shows in fences, for an answer that leans on it without repeating it.

What an answer names and neither defines, binds nor imports, but the instruction's code defines or imports, is taken
from there, and what that needs in turn; so is what the tests name. An answer that brings its own is left as it is, and
one that stands alone never changes. Code that does not parse is not taken.

Not covered: an own ``Option``, ``Vec`` or the like of the instruction's; an alias ``Result`` with one parameter is.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from burnish.records import Message
from burnish.syntax.fences import RUST, fenced_blocks
from burnish.syntax.imports import imports_of
from burnish.syntax.source import name_of, text_of, walk
from burnish.verify.reading.merge import merge
from burnish.verify.reading.source import Piece, Source, impl_name, is_unwritten

_PRELUDE = frozenset(
    {
        "Option", "Some", "None", "Result", "Ok", "Err", "String", "ToString", "Vec", "Box", "Iterator", "IntoIterator",
        "Clone", "Copy", "Default", "Drop", "Eq", "PartialEq", "Ord", "PartialOrd", "From", "Into", "AsRef", "AsMut",
        "ToOwned", "Fn", "FnMut", "FnOnce", "Extend", "Send", "Sync", "Sized", "TryFrom", "TryInto", "FromIterator",
        "DoubleEndedIterator", "ExactSizeIterator", "Self", "drop", "main",
    }
)  # fmt: skip
_MOST_BLOCKS = 16
_NAMES = frozenset({"identifier", "type_identifier"})


def said_in(prompt: Sequence[Message]) -> str:
    """What an instruction says: all turns that are not the model's own."""
    return "\n\n".join(message.content for message in prompt if message.role != "assistant")


@functools.lru_cache(maxsize=64)
def shown_code(said: str) -> tuple[Source, ...]:
    """The fenced blocks of an instruction that are whole code, in order."""
    blocks = [block for block in fenced_blocks(said) if block.language in (RUST, "")][-_MOST_BLOCKS:]
    return tuple(source for block in blocks if (source := Source.of(block.text)).is_program)


def with_shown(code: str, said: str, entry_point: str | None, tests: str) -> str:
    """``code`` with what it or its ``tests`` need of the code that the instruction ``said`` shows."""
    shown = shown_code(said)
    answer = Source.of(code)
    if not shown or not answer.is_program:
        return code
    tested = Source.of(tests)
    have = _explained(answer) | _PRELUDE | ({entry_point} if entry_point is not None else set())
    if any(_is_alias_of_one(node) for node in walk(answer.root)):
        have -= {"Result"} - _explained(answer)
    wanted = set(_names(answer.root)) | (set(_names(tested.root)) - _explained(tested))
    taken = _needed(Source.of(merge(shown)), have, wanted)
    return merge([taken, answer]) if taken is not None else code


@dataclass(frozen=True)
class _Offer:
    """One item that may be taken, by the names for which it is."""

    piece: Piece
    names: frozenset[str]


def _needed(shown: Source, have: set[str], wanted: set[str]) -> Source | None:
    """The pieces of ``shown`` that define wanted names, and what these need; None where there are none."""
    offers = [_Offer(piece, frozenset(_offered(piece))) for piece in shown.pieces]
    taken: list[_Offer] = []
    imports: dict[str, str] = {one.name: one.path for one in shown.imports if one.name not in "*_"}
    while True:
        open_names = wanted - have
        fresh = [one for one in offers if one not in taken and one.names & open_names]
        if not fresh:
            break
        taken += fresh
        wanted = wanted | {name for one in fresh for name in _names(one.piece.node)}
    used = [f"use {path};" for name, path in imports.items() if name in wanted - have]
    if not taken and not used:
        return None
    globs = [f"use {one.path};" for one in shown.imports if one.name == "*"] if taken else []
    texts = [shown.slice(offer.piece.start, offer.piece.end) for offer in offers if offer in taken]
    return Source.of("\n".join([*globs, *used, *texts]))


def _offered(piece: Piece) -> Iterator[str]:
    """For which names an item is taken: its own, or its type's; nothing for what is left to be written."""
    node = piece.node
    if node.type == "impl_item":
        yield impl_name(node).rpartition(" ")[2]
    elif node.type != "use_declaration" and not (node.type == "function_item" and is_unwritten(node)):
        yield from (name for _, name in piece.keys)


def _explained(source: Source) -> set[str]:
    """Names that a source defines, binds or imports, anywhere."""
    found: set[str] = set()
    for node in walk(source.root):
        if node.type.endswith("_item") or node.type in ("macro_definition", "enum_variant", "type_parameter"):
            found.add(name_of(node))
        elif node.type == "use_declaration":
            found |= {one.name for one in imports_of(node)}
        elif node.type == "closure_parameters":
            found |= set(_names(node))
        bound = node.child_by_field_name("pattern")
        if bound is not None:
            found |= {name for name in _names(bound) if not name[:1].isupper()}
    return found


def _names(node: Node) -> Iterator[str]:
    """Names that may mean an item; fields and methods are none."""
    return (text_of(one) for one in walk(node) if one.type in _NAMES)


def _is_alias_of_one(node: Node) -> bool:
    """``Result<T>``, which is not the standard library's."""
    kind, arguments = node.child_by_field_name("type"), node.child_by_field_name("type_arguments")
    if node.type != "generic_type" or kind is None or arguments is None:
        return False
    return text_of(kind) == "Result" and len(arguments.named_children) == 1
