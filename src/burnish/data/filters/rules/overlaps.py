"""Filters of rows that overlap with others.

    contaminated    kept when no evaluation task shares ``share`` of a part's runs of ``run`` tokens with the row
                    (`data.overlap.contamination`)
    near_duplicate  kept when no earlier kept row has a Jaccard similarity of at least ``threshold`` in runs of tokens
                    (`data.overlap.near_duplicates`); all turns of a conversation count, names and literals of its Rust
                    do not

Not covered: paraphrases; which of two similar rows is better: the first one stays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from burnish.data.filters.base import RustCode
from burnish.data.overlap.contamination import Contamination
from burnish.data.overlap.near_duplicates import NearDuplicates
from burnish.records import Example
from burnish.syntax.normalise import code_tokens, is_prose, message_tokens, word_tokens


class OverlapFilter(ABC):
    """Filters rows of which something else is found."""

    _found: object = None

    @abstractmethod
    def find(self, example: Example, code: RustCode) -> object:
        """Return what the row overlaps with; None without any."""

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether nothing was found."""
        self._found = self.find(example, code)
        return self._found is None

    def detail(self, example: Example, code: RustCode) -> str:
        """Return what was found, and how much of it."""
        return "" if self._found is None else str(self._found)


class ContaminatedFilter(OverlapFilter):
    """Filters rows that contain an evaluation task, or most of it."""

    def __init__(self, tasks: Contamination) -> None:
        self._tasks = tasks

    def find(self, example: Example, code: RustCode) -> object:
        """Return the task and its contained share."""
        return self._tasks.find(example, None if example.text is None else code.root)


class NearDuplicateFilter(OverlapFilter):
    """Filters by an index of the rows kept so far, and adds to it."""

    def __init__(self, index: NearDuplicates) -> None:
        self._index = index

    def find(self, example: Example, code: RustCode) -> object:
        """Return the row that it repeats, and remember the row if there is none."""
        return self._index.find_or_keep(example.id, row_tokens(example, code))


def row_tokens(example: Example, code: RustCode) -> list[str]:
    """Return the tokens of a whole row, one turn after the other."""
    if example.text is None:
        return [token for turn in example.messages for token in message_tokens(turn.content)]
    if is_prose(code.root):
        return word_tokens(example.text)
    return code_tokens(code.root).normalised
