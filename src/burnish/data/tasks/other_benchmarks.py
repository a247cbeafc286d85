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

from pydantic import AliasChoices, BeforeValidator, Field

from burnish.data.tasks.published import PublishedRow, completion_prompt, load_rows
from burnish.records import Message, RustTests, Task
from burnish.records.answer_forms import row_name
from burnish.syntax.crates import WELL_KNOWN, named_crates
from burnish.syntax.source import parse, top_items


class _MultiplE(PublishedRow):
    """The fields of a MultiPL-E row that are read."""

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
            prompt=completion_prompt(prompt),
            code_prompt=prompt,
            entry_point=functions[-1] if functions else None,
            tests=RustTests(source=tests),
            crates=named_crates(f"{prompt}}}\n{tests}", WELL_KNOWN),
            licence="BSD-3-Clause with Machine Learning Restriction",
            origin="MultiPL-E",
        )


class _RustEvo(PublishedRow):
    """The fields of a RustEvo row that are read."""

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
    return load_rows(path, _MultiplE, "MultiPL-E")


def load_rustevo(path: Path) -> tuple[Task, ...]:
    """Read tasks in the order of the file. Raises DataError naming the line of a broken row or a repeated index."""
    return load_rows(path, _RustEvo, "RustEvo")
