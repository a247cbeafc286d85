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
        self._known: dict[tuple[str, str], str] = {}
        """What identifies a task -> the first task that it identifies."""
        for task in tasks:
            for fact in _facts(task):
                self._known.setdefault(fact, task.id)

    def check(self, tasks: Sequence[Task]) -> None:
        """Raise GateError naming the first held-out task among ``tasks``."""
        for task in tasks:
            for fact in _facts(task):
                if fact in self._known:
                    raise GateError(
                        f"the task {task.id} {fact[0]} the held-out task {self._known[fact]}: training tasks cannot be "
                        "evaluated on.",
                        "Sample on training tasks, or measure on others.",
                    )


def _facts(task: Task) -> tuple[tuple[str, str], ...]:
    prompt = " ".join(" ".join(message.content.casefold().split()) for message in task.prompt)
    return ("is", task.id), ("has the family of", task.family), ("has the prompt of", prompt)
