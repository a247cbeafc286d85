"""Read HumanEval-shaped rows for Rust.

Fields: ``task_id``, ``prompt`` that ends in an open ``{``, ``canonical_solution``, ``test``, ``entry_point``, and
optionally ``edition``, ``wrong`` (answers that must not pass, one text or several), ``crates``, ``family``, ``level``,
``crate_type``, ``licence`` and ``origin``, as in a `Task`. Other fields of tasks and of training rows are refused,
since they would be lost; fields that neither has are about a row's making.

Well-known crates that a solution or its tests name are listed in ``Task.crates`` beside those of the row, so that a
missing crate does not fail a row.

Not covered: HumanEvalPack, whose rows have a ``declaration`` (`data.tasks.humanevalpack`); crates that are not well
known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from burnish.errors import DataError
from burnish.fsio import given_lines
from burnish.records import Edition, Message, RustTests, Task, first_problem
from burnish.records.answer_forms import row_name
from burnish.records.task import CrateType
from burnish.syntax.crates import WELL_KNOWN, named_crates

ORIGIN = "HumanEval (Rust)"


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class _Row(BaseModel):
    """The fields of a row that are read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task_id: Annotated[str, BeforeValidator(row_name)]
    prompt: str
    canonical_solution: str
    test: str
    entry_point: str
    edition: Edition = "2021"
    wrong: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    crates: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    family: str | None = Field(None, min_length=1)
    level: int = 1
    crate_type: CrateType | None = None
    licence: str = ""
    origin: str = ORIGIN
    kind: Literal["rust"] = "rust"

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_lost(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        # Exports write a null for what a row does not have.
        filled = {name: value for name, value in row.items() if value is not None}
        lost = sorted(filled.keys() & REFUSED)
        if lost:
            raise ValueError(f"HumanEval rows have no {lost[0]!r}, which would be lost: give a file of tasks instead")
        return filled


REFUSED = {*Task.model_fields, "weight", "split"} - {*_Row.model_fields, "id", "schema_version"}
"""Fields that mean something in tasks and training rows, and nothing here."""


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
        family=row.family or row.task_id,
        level=row.level,
        prompt=(Message(role="user", content=f"Complete this Rust function.\n\n```rust\n{prompt}```"),),
        code_prompt=prompt,
        entry_point=row.entry_point,
        tests=RustTests(source=row.test),
        reference=prompt + row.canonical_solution,
        wrong=row.wrong,
        crates=tuple(sorted({*row.crates, *named_crates(f"{prompt}{row.canonical_solution}\n{row.test}", WELL_KNOWN)})),
        edition=row.edition,
        crate_type=row.crate_type,
        licence=row.licence,
        origin=row.origin,
    )
