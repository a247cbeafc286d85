"""Add code that an instruction shows in fences to an answer that uses it without repeating it.

Names that an answer uses without defining, binding or importing them are taken from the instruction's code, with the
items these need in turn; so are names in the tests. An answer's own definitions are kept, and a complete answer never
changes. Code that does not parse is not taken.

Not covered: the instruction's own ``Option``, ``Vec`` and the like, except an alias ``Result`` with one parameter.
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


def text_of_prompt(prompt: Sequence[Message]) -> str:
    """Return the text of an instruction: all turns except the model's own."""
    return "\n\n".join(message.content for message in prompt if message.role != "assistant")


@functools.lru_cache(maxsize=64)
def shown_code(prompt_text: str) -> tuple[Source, ...]:
    """Return the fenced blocks of an instruction that are complete code, in order."""
    blocks = [block for block in fenced_blocks(prompt_text) if block.language in (RUST, "")][-_MOST_BLOCKS:]
    return tuple(source for block in blocks if (source := Source.of(block.text)).is_program)


def with_shown(code: str, prompt_text: str, entry_point: str | None, tests: str) -> str:
    """Add to ``code`` what it or its ``tests`` need of the code in the instruction ``prompt_text``."""
    shown = shown_code(prompt_text)
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
    """Item that may be taken, with the names it is taken for."""

    piece: Piece
    names: frozenset[str]


def _needed(shown: Source, have: set[str], wanted: set[str]) -> Source | None:
    """Return the pieces of ``shown`` that define wanted names, and what these need; None without any."""
    offers = [_Offer(piece, frozenset(_offered(piece))) for piece in shown.pieces]
    taken: list[_Offer] = []
    imports: dict[str, str] = {imported.name: imported.path for imported in shown.imports if imported.name not in "*_"}
    while True:
        open_names = wanted - have
        fresh = [offer for offer in offers if offer not in taken and offer.names & open_names]
        if not fresh:
            break
        taken += fresh
        wanted = wanted | {name for offer in fresh for name in _names(offer.piece.node)}
    used = [f"use {path};" for name, path in imports.items() if name in wanted - have]
    if not taken and not used:
        return None
    globs = [f"use {imported.path};" for imported in shown.imports if imported.name == "*"] if taken else []
    texts = [shown.slice(offer.piece.start, offer.piece.end) for offer in offers if offer in taken]
    return Source.of("\n".join([*globs, *used, *texts]))


def _offered(piece: Piece) -> Iterator[str]:
    """Return the names an item is taken for: its own, or its type's; none for an unwritten function."""
    node = piece.node
    if node.type == "impl_item":
        yield impl_name(node).rpartition(" ")[2]
    elif node.type != "use_declaration" and not (node.type == "function_item" and is_unwritten(node)):
        yield from (name for _, name in piece.keys)


def _explained(source: Source) -> set[str]:
    """Return names that a source defines, binds or imports, anywhere."""
    names: set[str] = set()
    for node in walk(source.root):
        if node.type.endswith("_item") or node.type in ("macro_definition", "enum_variant", "type_parameter"):
            names.add(name_of(node))
        elif node.type == "use_declaration":
            names |= {imported.name for imported in imports_of(node)}
        elif node.type == "closure_parameters":
            names |= set(_names(node))
        bound = node.child_by_field_name("pattern")
        if bound is not None:
            names |= {name for name in _names(bound) if not name[:1].isupper()}
    return names


def _names(node: Node) -> Iterator[str]:
    """Return names that may mean an item, so not fields and methods."""
    return (text_of(inner) for inner in walk(node) if inner.type in _NAMES)


def _is_alias_of_one(node: Node) -> bool:
    """Return whether an item is an alias ``Result<T>``, unlike the standard library's."""
    kind, arguments = node.child_by_field_name("type"), node.child_by_field_name("type_arguments")
    if node.type != "generic_type" or kind is None or arguments is None:
        return False
    return text_of(kind) == "Result" and len(arguments.named_children) == 1
