"""Read HumanEval-shaped rows for Rust.

Fields: ``task_id``, ``prompt`` that ends in an open ``{``, ``canonical_solution``, ``test``, ``entry_point``, and
optionally ``edition`` and ``wrong`` (answers that must not pass, one text or several).

Well-known crates that a solution or its tests name are listed in ``Task.crates``, so that a missing crate does not fail
a row.

Not covered: HumanEvalPack, whose rows have a ``declaration`` (`data.tasks.humanevalpack`); crates that are not well
known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from burnish.errors import DataError
from burnish.fsio import given_lines
from burnish.records import Edition, Message, RustTests, Task, first_problem
from burnish.syntax.crates import WELL_KNOWN, named_crates

ORIGIN = "HumanEval (Rust)"


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class _Row(BaseModel):
    """The fields of a row that are read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task_id: str
    prompt: str
    canonical_solution: str
    test: str
    entry_point: str
    edition: Edition = "2021"
    wrong: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()


def load_human_eval(path: Path) -> tuple[Task, ...]:
    """Read tasks in the order of the file. Raises DataError naming the line of a broken row or a repeated id."""
    if not path.is_file():
        raise DataError(f"file {path} does not exist", "Give a JSONL file of HumanEval rows.")
    tasks: dict[str, Task] = {}
    for number, line in given_lines(path):
        try:
            row = _Row.model_validate_json(line)
        except ValidationError as error:
            why = first_problem(error, whole="the line itself")
            raise DataError(f"{path}:{number}: {why}", "Fix the row, or download the file again.") from error
        if row.task_id in tasks:
            raise DataError(f"{path}:{number}: the id {row.task_id!r} appears twice", "Give every row its own id.")
        tasks[row.task_id] = _task(row)
    return tuple(tasks.values())


def _task(row: _Row) -> Task:
    # Upstream sources end the prompt at the brace; a solution that starts with a comment needs a line of its own.
    prompt = row.prompt.rstrip() + "\n"
    return Task(
        id=row.task_id,
        family=row.task_id,
        prompt=(Message(role="user", content=f"Complete this Rust function.\n\n```rust\n{prompt}```"),),
        code_prompt=prompt,
        entry_point=row.entry_point,
        tests=RustTests(source=row.test),
        reference=prompt + row.canonical_solution,
        wrong=row.wrong,
        crates=named_crates(f"{prompt}{row.canonical_solution}\n{row.test}", WELL_KNOWN),
        edition=row.edition,
        origin=ORIGIN,
    )
