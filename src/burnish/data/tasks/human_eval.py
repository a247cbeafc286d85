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

from pydantic import BeforeValidator, Field, model_validator

from burnish.data.tasks.published import PublishedRow, completion_prompt, load_rows
from burnish.records import Edition, RustTests, Task
from burnish.records.answer_forms import row_name
from burnish.records.task import CrateType
from burnish.syntax.crates import WELL_KNOWN, named_crates

ORIGIN = "HumanEval (Rust)"


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class _Row(PublishedRow):
    """The fields of a row that are read."""

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

    def task(self) -> Task:
        # Upstream sources end the prompt at the brace; a solution that starts with a comment needs a line of its own.
        prompt = self.prompt.rstrip() + "\n"
        solution = f"{prompt}{self.canonical_solution}"
        return Task(
            id=self.task_id,
            family=self.family or self.task_id,
            level=self.level,
            prompt=completion_prompt(prompt),
            code_prompt=prompt,
            entry_point=self.entry_point,
            tests=RustTests(source=self.test),
            reference=solution,
            wrong=self.wrong,
            crates=tuple(sorted({*self.crates, *named_crates(f"{solution}\n{self.test}", WELL_KNOWN)})),
            edition=self.edition,
            crate_type=self.crate_type,
            licence=self.licence,
            origin=self.origin,
        )


REFUSED = {*Task.model_fields, "weight", "split"} - {*_Row.model_fields, "id", "schema_version"}
"""Fields that mean something in tasks and training rows, and nothing here."""


def load_human_eval(path: Path) -> tuple[Task, ...]:
    """Read tasks in the order of the file. Raises DataError naming the line of a broken row or a repeated id."""
    return load_rows(path, _Row, "HumanEval")
