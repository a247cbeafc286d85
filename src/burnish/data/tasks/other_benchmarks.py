"""Read the published Rust tasks of MultiPL-E and RustEvo.

MultiPL-E rows have ``name``, ``prompt`` that ends in an open ``{``, and ``tests`` or ``test``, mostly with the brace
that closes the function first. RustEvo rows have ``task_idx``, ``query``, ``function_signature``, ``code`` (the
reference) and ``test_program``; some of its references do not pass, which ``burnish data validate-tasks`` finds. Both
are for evaluation only: their licences do not allow, or do not clearly allow, training on them.

Not covered: HumanEval rows (`data.tasks.human_eval`), HumanEvalPack (`data.tasks.humanevalpack`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from burnish.errors import DataError
from burnish.fsio import given_lines
from burnish.records import Message, RustTests, Task, first_problem
from burnish.records.answer_forms import row_name
from burnish.syntax.crates import WELL_KNOWN, named_crates
from burnish.syntax.source import parse, top_items


class _MultiplE(BaseModel):
    """The fields of a MultiPL-E row that are read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, BeforeValidator(row_name)]
    prompt: str = Field(pattern=r"\{\s*$")
    tests: str = Field(validation_alias=AliasChoices("tests", "test"))
    language: Literal["rs", "rust"] = "rs"

    def task(self) -> Task:
        prompt = self.prompt.rstrip() + "\n"
        functions = [item.name for item in top_items(parse(prompt + "}")) if item.kind == "function_item"]
        tests = self.tests.lstrip().removeprefix("}").lstrip()
        return Task(
            id=self.name,
            family=self.name,
            prompt=(Message(role="user", content=f"Complete this Rust function.\n\n```rust\n{prompt}```"),),
            code_prompt=prompt,
            entry_point=functions[-1] if functions else None,
            tests=RustTests(source=tests),
            crates=named_crates(f"{prompt}}}\n{tests}", WELL_KNOWN),
            licence="BSD-3-Clause with Machine Learning Restriction",
            origin="MultiPL-E",
        )


class _RustEvo(BaseModel):
    """The fields of a RustEvo row that are read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task_idx: Annotated[str, BeforeValidator(row_name)]
    query: str
    function_signature: str
    code: str
    test_program: str

    def task(self) -> Task:
        name = f"RustEvo/{self.task_idx}"
        return Task(
            id=name,
            family=name,
            prompt=(Message(role="user", content=f"{self.query}\n\n```rust\n{self.function_signature.strip()}\n```"),),
            tests=RustTests(source=self.test_program),
            reference=self.code,
            crates=named_crates(f"{self.code}\n{self.test_program}", WELL_KNOWN),
            licence="Apache-2.0",
            origin="RustEvo",
        )


def load_multipl_e(path: Path) -> tuple[Task, ...]:
    """Read tasks in the order of the file. Raises DataError naming the line of a broken row or a repeated name."""
    return _load(path, _MultiplE, "MultiPL-E")


def load_rustevo(path: Path) -> tuple[Task, ...]:
    """Read tasks in the order of the file. Raises DataError naming the line of a broken row or a repeated index."""
    return _load(path, _RustEvo, "RustEvo")


def _load(path: Path, model: type[_MultiplE] | type[_RustEvo], benchmark: str) -> tuple[Task, ...]:
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
