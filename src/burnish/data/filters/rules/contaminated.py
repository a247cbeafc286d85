"""``contaminated``: the row holds a task that will be measured on, or most of it.

Kept when no task shares ``share`` of a part's runs of ``run`` tokens with it (`data.overlap.contamination`).

Not covered: paraphrases.
"""

from __future__ import annotations

from typing import ClassVar

from burnish.data.filters.base import RustCode
from burnish.data.overlap.contamination import Contamination, Overlap
from burnish.records import Example


class ContaminatedFilter:
    """Asks the task sets."""

    reason: ClassVar[str] = "contaminated"
    ordered: ClassVar[bool] = False

    def __init__(self, tasks: Contamination) -> None:
        self._tasks = tasks
        self._found: Overlap | None = None

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Whether it holds no task."""
        self._found = self._tasks.find(example, None if example.text is None else code.root)
        return self._found is None

    def detail(self, example: Example, code: RustCode) -> str:
        """The task, and how much of it."""
        return "" if self._found is None else str(self._found)
