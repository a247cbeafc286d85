"""Read the rows of a published benchmark by a model of their fields.

Not covered: HumanEvalPack, which names a missing field by those there are (`data.tasks.humanevalpack`).
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from burnish.errors import DataError
from burnish.fsio import given_lines
from burnish.records import Message, Task, first_problem


class PublishedRow(BaseModel):
    """The fields of a row that are read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @abstractmethod
    def task(self) -> Task:
        """Return the row as a task."""


def load_rows(path: Path, model: type[PublishedRow], benchmark: str) -> tuple[Task, ...]:
    """Read tasks in the order of the file. Raises DataError naming the line of a broken row or a repeated id."""
    if not path.is_file():
        raise DataError(f"file {path} does not exist", f"Give a JSONL file of {benchmark} rows.")
    tasks: dict[str, Task] = {}
    for number, line in given_lines(path):
        try:
            task = model.model_validate_json(line).task()
        except ValidationError as error:
            why = first_problem(error, whole="the line itself")
            raise DataError(f"{path}:{number}: {why}", "Fix the row, or download the file again.") from error
        if task.id in tasks:
            raise DataError(f"{path}:{number}: the id {task.id!r} appears twice", "Give every row its own id.")
        tasks[task.id] = task
    return tuple(tasks.values())


def completion_prompt(prompt: str) -> tuple[Message, ...]:
    """Return the instruction to complete the code of a prompt."""
    return (Message(role="user", content=f"Complete this Rust function.\n\n```rust\n{prompt}```"),)
