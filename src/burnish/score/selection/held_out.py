"""Refuse to learn from held-out tasks.

A task is held out when its id, its family or its prompt is one of a held-out task; prompts are compared without regard
to case and white space. Not covered: paraphrases (`data.overlap.contamination`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from burnish.errors import GateError
from burnish.records import Task


class HeldOut:
    """The tasks that must not be learned from."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._ids: dict[str, str] = {}
        self._families: dict[str, str] = {}
        self._prompts: dict[str, str] = {}
        for task in tasks:
            self._ids[task.id] = task.id
            self._families.setdefault(task.family, task.id)
            self._prompts.setdefault(_prompt(task), task.id)

    def check(self, tasks: Sequence[Task]) -> None:
        """Raise GateError naming the first held-out task among ``tasks``."""
        for task in tasks:
            for what, known, value in (
                ("is", self._ids, task.id),
                ("has the family of", self._families, task.family),
                ("has the prompt of", self._prompts, _prompt(task)),
            ):
                if value in known:
                    raise GateError(
                        f"the task {task.id} {what} the held-out task {known[value]}: training tasks cannot be "
                        "evaluated on.",
                        "Sample on training tasks, or measure on others.",
                    )


def _prompt(task: Task) -> str:
    return " ".join(" ".join(message.content.casefold().split()) for message in task.prompt)
