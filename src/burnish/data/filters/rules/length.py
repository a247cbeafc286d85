"""``too_short`` and ``too_long``: the characters of the document, or of all turns of the conversation together.

A row of exactly the limit stays. Not covered: tokens, which depend on a tokenizer (`data.encode.lengths`).
"""

from __future__ import annotations

from burnish.config.data.filters import TooLong, TooShort
from burnish.data.filters.base import RustCode, StatelessFilter
from burnish.records import Example


def characters(example: Example) -> int:
    """Count the characters of a row."""
    return len(example.text) if example.text is not None else sum(len(turn.content) for turn in example.messages)


class TooShortFilter(StatelessFilter):
    """Filter rows with fewer characters than the limit."""

    reason = "too_short"

    def __init__(self, config: TooShort) -> None:
        self._least = config.characters

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether it is long enough."""
        return characters(example) >= self._least

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the length."""
        return f"{characters(example)} characters"


class TooLongFilter(StatelessFilter):
    """Filter rows with more characters than the limit."""

    reason = "too_long"

    def __init__(self, config: TooLong) -> None:
        self._most = config.characters

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether it is short enough."""
        return characters(example) <= self._most

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the length."""
        return f"{characters(example)} characters"
