"""``contaminated``: the row contains an evaluation task, or most of it.

Kept when no task shares ``share`` of a part's runs of ``run`` tokens with it (`data.overlap.contamination`).

Not covered: paraphrases.
"""

from __future__ import annotations

from burnish.data.filters.base import RustCode
from burnish.data.overlap.contamination import Contamination, Overlap
from burnish.records import Example


class ContaminatedFilter:
    """Filters rows that contain evaluation tasks."""

    def __init__(self, tasks: Contamination) -> None:
        self._tasks = tasks
        self._overlap: Overlap | None = None

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether it contains no task."""
        self._overlap = self._tasks.find(example, None if example.text is None else code.root)
        return self._overlap is None

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the task and its contained share."""
        return "" if self._overlap is None else str(self._overlap)
