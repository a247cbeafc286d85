"""Make training conversations of tasks: the prompt, answered by the reference."""

from __future__ import annotations

from collections.abc import Iterable

from burnish.records import Example, Message, Task


def examples_from_tasks(tasks: Iterable[Task]) -> list[Example]:
    """Return one conversation per task with a reference; tasks without one cannot be trained on."""
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
