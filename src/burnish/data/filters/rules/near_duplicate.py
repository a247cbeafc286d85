"""``near_duplicate``: the row's tokens are nearly those of a row that was kept before.

Kept when no earlier kept row has a Jaccard similarity of at least ``threshold`` in runs of tokens
(`data.overlap.near_duplicates`). All turns of a conversation count, names and literals of its Rust do not.

Not covered: which of two similar rows is better; the first one stays.
"""

from __future__ import annotations

from burnish.data.filters.base import RustCode
from burnish.data.overlap.near_duplicates import Duplicate, NearDuplicates
from burnish.records import Example
from burnish.syntax.normalise import code_tokens, is_prose, message_tokens, word_tokens


class NearDuplicateFilter:
    """Filter by an index of the rows kept so far, and add to it."""

    def __init__(self, index: NearDuplicates) -> None:
        self._index = index
        self._duplicate: Duplicate | None = None

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether no similar row was kept, and remember the row if so."""
        self._duplicate = self._index.find_or_keep(example.id, row_tokens(example, code))
        return self._duplicate is None

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the row that it repeats."""
        return "" if self._duplicate is None else str(self._duplicate)


def row_tokens(example: Example, code: RustCode) -> list[str]:
    """Return the tokens of a whole row, one turn after the other."""
    if example.text is None:
        return [token for turn in example.messages for token in message_tokens(turn.content)]
    if is_prose(code.root):
        return word_tokens(example.text)
    return code_tokens(code.root).normalised
