"""Records: they come back as they were written, and refuse what they do not know."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from burnish.errors import DataError
from burnish.records import Completion, Diagnostic, Message, RustTests, Task, ValueCase, ValueTests, Verdict

TASK = Task(
    id="t1",
    family="sum-map",
    prompt=(Message(role="user", content="Write\n'x' \u2028 and ü"),),
    tests=ValueTests(cases=(ValueCase(call="solve(1)", type="i64", expected="2"),)),
    reference="pub fn solve(x: i64) -> i64 { x + 1 }",
)
VERDICT = Verdict(
    task_id="t1",
    status="fail",
    stage="check",
    reason="compile_error",
    compiled=False,
    diagnostics=(Diagnostic(level="error", code="E0308", message="mismatched types", line=1),),
)


def test_records_come_back_as_they_were_written_on_one_line() -> None:
    for record in (TASK, VERDICT, Completion(task_id="t1", text="a\nb")):
        line = record.to_json()
        assert "\n" not in line
        assert type(record).from_json(line) == record


def test_the_kind_of_tests_decides_their_type() -> None:
    task = TASK.model_copy(update={"tests": RustTests(source="#[test] fn a() {}")})
    assert isinstance(Task.from_json(task.to_json()).tests, RustTests)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"surprise": 1}, "surprise"),
        ({"prompt": [{"role": "user", "content": 5}]}, "prompt.0.content"),
        ({"prompt": [{"role": "user", "content": None}]}, "prompt.0.content"),
        ({"prompt": [{"role": "robot", "content": "x"}]}, "prompt.0.role"),
        ({"id": None}, "id"),
    ],
)
def test_a_row_that_is_not_a_task_is_refused_with_the_field(change: dict[str, object], named: str) -> None:
    with pytest.raises(DataError, match=f"not a Task record: {named}"):
        Task.from_json(json.dumps(json.loads(TASK.to_json()) | change))


def test_a_line_that_is_not_json_is_refused() -> None:
    with pytest.raises(DataError, match="not a Task record: the line itself"):
        Task.from_json('{"id": ')


def test_records_are_frozen() -> None:
    with pytest.raises(ValidationError):
        TASK.id = "t2"  # type: ignore[misc]


def test_lint_free_needs_compiling() -> None:
    assert not VERDICT.lint_free
    assert not VERDICT.model_copy(update={"compiled": None}).lint_free
    assert VERDICT.model_copy(update={"compiled": True}).lint_free
    assert not VERDICT.model_copy(update={"compiled": True, "lints": ("clippy::needless_return",)}).lint_free
