"""``too_short`` and ``too_long``: the characters of the document, or of all turns of the conversation together.

A row of exactly the limit stays. Not covered: tokens, which depend on a tokenizer (`data.encode.lengths`).
"""

from __future__ import annotations

from burnish.config.data.filters import TooLong, TooShort
from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.records import Example


def characters(example: Example) -> int:
    """How long a row is."""
    return len(example.text) if example.text is not None else sum(len(turn.content) for turn in example.messages)


class TooShortFilter(StatelessFilter):
    """Fewer characters than the limit."""

    reason = "too_short"

    def __init__(self, config: TooShort) -> None:
        self._least = config.characters

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Whether it is long enough."""
        return characters(example) >= self._least

    def detail(self, example: Example, code: RustCode) -> str:
        """The length."""
        return f"{characters(example)} characters"


class TooLongFilter(StatelessFilter):
    """More characters than the limit."""

    reason = "too_long"

    def __init__(self, config: TooLong) -> None:
        self._most = config.characters

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Whether it is short enough."""
        return characters(example) <= self._most

    def detail(self, example: Example, code: RustCode) -> str:
        """The length."""
        return f"{characters(example)} characters"
