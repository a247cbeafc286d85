"""Add code that an instruction shows in fences to an answer that uses it without repeating it.

Names that an answer uses without defining, binding or importing them are taken from the instruction's code, with the
items these need in turn; so are names in the tests. An answer's own definitions are kept, and a complete answer never
changes. Code that does not parse is not taken.

Not covered: the instruction's own ``Option``, ``Vec`` and the like, except an alias ``Result`` with one parameter.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence

from tree_sitter import Node

from burnish.records import Message
from burnish.syntax.fences import RUST, fenced_blocks
from burnish.syntax.imports import Import, imports_of
from burnish.syntax.source import name_of, text_of, walk
from burnish.syntax.standard_names import OWN_HEADS, PRELUDE, STANDARD_CRATES, TRAITS
from burnish.verify.reading.merge import merge
from burnish.verify.reading.source import Piece, Source, impl_name, is_unwritten

_GIVEN = PRELUDE | {"Self", "main"}
_MOST_BLOCKS = 16
_NAMES = frozenset({"identifier", "type_identifier"})
_CALLS = frozenset({"call_expression", "macro_invocation", "macro_definition"})
"""Nodes in which a method of a trait may be called."""


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
    explained = _explained(answer)
    have = explained | _GIVEN | ({entry_point} if entry_point is not None else set())
    if any(_is_alias_of_one(node) for node in walk(answer.root)):
        have -= {"Result"} - explained
    taken = _Taken(Source.of(merge(shown)), have)
    taken.add(set(_names(answer.root)) | (set(_names(tested.root)) - _explained(tested)))
    needed = taken.source(left_out={_without_alias(imported.path) for imported in answer.imports})
    return merge([needed, answer]) if needed is not None else code


class _Taken:
    """Items and imports of shown code that an answer needs, found from names to what defines them."""

    def __init__(self, shown: Source, have: set[str]) -> None:
        self.shown = shown
        self.places: set[int] = set()
        """Indices of the taken pieces."""
        self.imported: set[str] = set()
        """Imported names that are needed."""
        self.needs = [set(_names_of_piece(piece)) for piece in shown.pieces]
        self._seen = set(have)
        self._paths = {item.name: item.path for item in shown.imports if item.name not in ("*", "_")}
        self._offers: dict[str, list[int]] = {}
        for index, piece in enumerate(shown.pieces):
            for name in _offered(piece):
                self._offers.setdefault(name, []).append(index)

    def add(self, names: set[str]) -> None:
        """Take what defines ``names``, and what that needs in turn; each name is looked up once."""
        pending = list(names - self._seen)
        self._seen |= names
        while pending:
            name = pending.pop()
            fresh: set[str] = set()
            if name in self._paths:
                self.imported.add(name)
                fresh.add(_first_name(self._paths[name]))
            for index in self._offers.get(name, ()):
                if index not in self.places:
                    self.places.add(index)
                    fresh |= self.needs[index]
            pending += fresh - self._seen
            self._seen |= fresh

    def add_traits(self) -> list[str]:
        """Return paths of the traits whose methods the taken items may call: imports that the shown code never names.

        Modules of the shown code that define such a trait are taken too. Where the shown code names a crate of others,
        its traits are left out unless the taken items name that crate as well.
        """
        if not any(node.type in _CALLS for index in self.places for node in walk(self.shown.pieces[index].node)):
            return []
        uses = Counter(name for names in self.needs for name in names)
        heads: dict[str, set[str]] = {}
        for item in self.shown.imports:
            heads.setdefault(item.head, {item.head}).add(item.name)
        paths: list[str] = []
        foreign: list[Import] = []
        for item in self.shown.imports:
            first = _first_name(item.path)
            owners = [i for i in self._offers.get(first, ()) if self.shown.pieces[i].node.type == "mod_item"]
            uses_in_owners = sum(item.name in self.needs[index] for index in owners)
            if not _may_be_trait(item) or uses[item.name] > uses_in_owners or item.name in self.imported:
                continue
            if owners:
                self.add({first})
                paths.append(_without_alias(item.path))
            elif item.head in OWN_HEADS:
                continue  # what it imports from is not shown
            elif item.head in STANDARD_CRATES or not any(uses[name] for name in heads[item.head]):
                paths.append(_without_alias(item.path))
            else:
                foreign.append(item)
        named = set[str]().union(*(self.needs[index] for index in self.places))
        return paths + [_without_alias(item.path) for item in foreign if heads[item.head] & named]

    def source(self, left_out: set[str]) -> Source | None:
        """Return the taken code without imports of the paths ``left_out``; None without any."""
        traits = self.add_traits()
        if not self.places and not self.imported:
            return None
        lines = [f"use {item.path};" for item in self.shown.imports if item.name == "*" and self.places]
        lines += [f"use {path};" for name, path in self._paths.items() if name in self.imported]
        lines += [f"use {path} as _;" for path in dict.fromkeys(traits) if path not in left_out]
        pieces = [piece for index, piece in enumerate(self.shown.pieces) if index in self.places]
        return Source.of("\n".join([*lines, *(self.shown.slice(piece.start, piece.end) for piece in pieces)]))


def _may_be_trait(item: Import) -> bool:
    """Return whether an import may bring in a trait: of the standard library's names it is known."""
    leaf = _without_alias(item.path).rpartition("::")[2]
    return item.name == "_" or (leaf in TRAITS if item.head in STANDARD_CRATES else leaf[:1].isupper())


def _without_alias(path: str) -> str:
    return path.partition(" as ")[0]


def _first_name(path: str) -> str:
    """Return the name that a path begins with, below the crate itself."""
    names = _without_alias(path).removeprefix("::").split("::")
    return next((name for name in names if name not in OWN_HEADS), names[0])


def _names_of_piece(piece: Piece) -> Iterator[str]:
    """Return names that may mean an item, in a piece or its attributes."""
    if not piece.imports:
        for node in (*piece.beside, piece.node):
            yield from _names(node)


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
    bound_until = 0
    for node in walk(source.root):
        if node.type.endswith("_item") or node.type in ("macro_definition", "enum_variant", "type_parameter"):
            names.add(name_of(node))
        elif node.type == "use_declaration":
            names |= {imported.name for imported in imports_of(node)}
        if node.start_byte < bound_until:
            continue  # within a pattern that is read
        bound = [node.child_by_field_name("pattern")]
        if node.type == "closure_parameters":
            bound = [child for child in node.named_children if child.type != "parameter"]
        for pattern in bound:
            if pattern is not None:
                names |= {name for name in _names(pattern) if not name[:1].isupper()}
                bound_until = pattern.end_byte
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
