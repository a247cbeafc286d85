"""What all filters share: the protocol, the Rust of a row, and the judge that filters with a compiler ask.

Not covered: the filters themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

from tree_sitter import Node

from burnish.data.filters.idiom_signs import Signs, read_signs
from burnish.data.filters.token_scan import Glance
from burnish.records import Edition, Example
from burnish.syntax.fences import rust_blocks
from burnish.syntax.source import looks_like_code, parse


class RustCode:
    """The Rust of one example, parsed once for all filters that ask.

    Of a document that is its text; of a conversation the fenced Rust of the last turn of the assistant, its blocks
    joined, or that whole turn where it has no fence and is code. A turn of prose holds no Rust.
    """

    def __init__(self, example: Example) -> None:
        self._example = example

    @cached_property
    def source(self) -> str:
        """The code; empty when the row holds none."""
        if self._example.text is not None:
            return self._example.text
        turns = [turn.content for turn in self._example.messages if turn.role == "assistant"]
        last = turns[-1] if turns else ""
        blocks = rust_blocks(last)
        if blocks:
            return "\n".join(blocks)
        return last if "```" not in last and looks_like_code(parse(last)) else ""

    @cached_property
    def root(self) -> Node:
        """The syntax tree."""
        return parse(self.source)

    @cached_property
    def signs(self) -> Signs:
        """What one query over the tree found."""
        return read_signs(self.root)

    @cached_property
    def glance(self) -> Glance:
        """What the first tokens prove, before the tree is asked."""
        return Glance(self.source)


class Filter(Protocol):
    """Decides on one row. Objects of a class with ``ordered`` remember earlier rows: they see rows one by one, in the
    order in which the mixture takes them, in one process; the others may be copied to several."""

    reason: ClassVar[str]
    """What is recorded of a row that is not kept; the ``kind`` of its configuration."""
    ordered: ClassVar[bool]

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Whether the row stays."""
        ...

    def detail(self, example: Example, code: RustCode) -> str:
        """What was found, of a row that ``keeps`` has just refused; may be empty."""
        ...


class StatelessFilter:
    """Base of filters that look at one row alone."""

    reason: ClassVar[str]
    ordered: ClassVar[bool] = False

    def detail(self, example: Example, code: RustCode) -> str:
        """Nothing to add to the reason."""
        return ""


@dataclass(frozen=True)
class Judgement:
    """What the compiler said of one source."""

    compiled: bool | None
    """None: the machine could not judge it, which says nothing about the code."""
    lints: tuple[str, ...] = ()
    detail: str = ""


class Judge(Protocol):
    """Compiles and lints sources; they are untrusted, so the real one does it in a sandbox."""

    def judge(self, sources: Sequence[str], edition: Edition) -> Sequence[Judgement]:
        """One judgement per source, in order."""
        ...
