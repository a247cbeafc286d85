"""Builders of verdicts, rows and measured models for the tests of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from burnish.records import Completion, Diagnostic, RustTests, Task, TestCounts, Verdict
from burnish.score.summaries.answers import rust_row
from burnish.score.summaries.summary import MeasuredModel

TESTS = RustTests(source="#[test] fn t() {}")


def measured(
    name: str, verdicts: Sequence[Verdict], seconds: float = 1.0, families: Mapping[str, str] | None = None
) -> MeasuredModel:
    """A model with these verdicts; every task is a family of its own unless ``families`` says whose it is."""
    known = families or {}
    rows = [
        rust_row(
            Task(id=one.task_id, family=known.get(one.task_id, one.task_id), prompt=(), tests=TESTS),
            Completion(task_id=one.task_id, sample_index=one.sample_index, text=""),
            one,
        )
        for one in verdicts
    ]
    return MeasuredModel(name, rows, verdicts, seconds=seconds)


def passing(task: str, sample: int = 0, lints: tuple[str, ...] = ()) -> Verdict:
    counts = TestCounts(run=12, passed=12, expected=12)
    return Verdict(
        task_id=task,
        sample_index=sample,
        status="pass",
        stage="test",
        reason="ok",
        compiled=True,
        lints=lints,
        tests=counts,
    )


def wrong(task: str, sample: int = 0) -> Verdict:
    counts = TestCounts(run=12, passed=7, expected=12)
    return Verdict(
        task_id=task,
        sample_index=sample,
        status="fail",
        stage="test",
        reason="tests_failed",
        compiled=True,
        tests=counts,
    )


def broken(task: str, sample: int = 0, codes: tuple[str | None, ...] = ("E0308",)) -> Verdict:
    diagnostics = tuple(Diagnostic(level="error", code=code, message="no", line=1) for code in codes)
    return Verdict(
        task_id=task,
        sample_index=sample,
        status="fail",
        stage="check",
        reason="compile_error",
        compiled=False,
        diagnostics=diagnostics,
    )


def infra(task: str, sample: int = 0, compiled: bool | None = None) -> Verdict:
    return Verdict(
        task_id=task,
        sample_index=sample,
        status="infra",
        stage="check" if compiled is None else "test",
        reason="infra",
        compiled=compiled,
    )
