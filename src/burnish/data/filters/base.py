"""Define what filters share: the protocol, a row's Rust, and the compiler's interface.

Not covered: the filters themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from tree_sitter import Node

from burnish.data.filters.idiom_signs import Signs, read_signs
from burnish.data.filters.token_scan import Glance
from burnish.records import Edition, Example
from burnish.syntax.fences import rust_blocks
from burnish.syntax.source import looks_like_code, parse


class RustCode:
    """The Rust of one example, parsed once for all filters.

    Of a document that is its text; of a conversation the fenced Rust of the last turn of the assistant, its blocks
    joined, or that whole turn where it has no fence and is code. A turn of prose holds no Rust.
    """

    def __init__(self, example: Example) -> None:
        self._example = example

    @cached_property
    def source(self) -> str:
        """Return the code; empty when the row holds none."""
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
        """Return the syntax tree."""
        return parse(self.source)

    @cached_property
    def signs(self) -> Signs:
        """Return the signs found by one query over the tree."""
        return read_signs(self.root)

    @cached_property
    def glance(self) -> Glance:
        """Return the facts that the first tokens prove without a tree."""
        return Glance(self.source)


class Filter(Protocol):
    """Decides whether to keep a row; the ``kind`` of its configuration is the recorded reason of a rejected one.

    Those of `build.ORDERED` remember earlier rows: they see rows one by one, in the order in which the mixture takes
    them, in one process; the others may be copied to several.
    """

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether the row is kept."""
        ...

    def detail(self, example: Example, code: RustCode) -> str:
        """Return details of a row that ``keeps`` has just refused; may be empty."""
        ...


@dataclass(frozen=True)
class Judgement:
    """The compiler's result for one source."""

    compiled: bool | None
    """None if the machine could not judge it; the code is then unknown."""
    lints: tuple[str, ...] = ()
    detail: str = ""


class Judge(Protocol):
    """Compiles and lints untrusted sources; the real implementation uses a sandbox."""

    def judge(self, sources: Sequence[str], edition: Edition) -> Sequence[Judgement]:
        """Return one judgement per source, in order."""
        ...
