"""Training conversations made of tasks: the prompt, answered by the reference."""

from __future__ import annotations

from collections.abc import Iterable

from burnish.records import Example, Message, Task


def examples_from_tasks(tasks: Iterable[Task]) -> list[Example]:
    """One conversation per task that has a reference; tasks without one cannot be trained on and are left out."""
    return [
        Example(
            id=task.id,
            messages=(*task.prompt, Message(role="assistant", content=task.reference)),
            licence=task.licence,
            origin=task.origin,
        )
        for task in tasks
        if task.reference is not None
    ]
