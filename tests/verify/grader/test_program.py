from __future__ import annotations

import pytest

from burnish.protocols import JobResult
from burnish.records import ProgramRun, ProgramTests
from burnish.verify.grader.program import grade_program


def graded(*ends: tuple[int, bytes], runs: tuple[ProgramRun, ...]) -> tuple[str, int, str]:
    results = [JobResult(exit_code=code, stdout=out, stderr=b"", cpu_ms=1, wall_ms=1) for code, out in ends]
    grade = grade_program(ProgramTests(runs=runs), lambda stdin: results.pop(0))
    return grade.reason, grade.tests.passed, grade.detail


@pytest.mark.parametrize(
    ("printed", "expected", "reason"),
    [
        (b"6\n", "6", "ok"),
        (b"a  \nb\n\n", "a\nb\n", "ok"),
        (b"a\n\nb", "a\nb", "tests_failed"),
        (b" a", "a", "tests_failed"),
        (b"", "", "ok"),
        (b"\xff", "?", "tests_failed"),
    ],
)
def test_output_is_compared_line_by_line(printed: bytes, expected: str, reason: str) -> None:
    assert graded((0, printed), runs=(ProgramRun(expected_stdout=expected),))[0] == reason


def test_the_first_difference_is_shown() -> None:
    detail = graded((0, b"a\nx"), runs=(ProgramRun(expected_stdout="a\nb"),))[2]
    assert detail == "run 0, line 2 of the output: 'x', expected 'b'"


def test_runs_stop_at_the_first_that_fails() -> None:
    runs = (ProgramRun(), ProgramRun(expected_stdout="1"), ProgramRun())
    assert graded((0, b""), (0, b"2"), runs=runs)[:2] == ("tests_failed", 1)


@pytest.mark.parametrize(
    ("ended", "wanted", "reason"),
    [(3, 3, "ok"), (0, 3, "tests_failed"), (2, 3, "runtime_error"), (-11, 0, "runtime_error")],
)
def test_the_exit_status_decides_a_run(ended: int, wanted: int, reason: str) -> None:
    assert graded((ended, b""), runs=(ProgramRun(exit_code=wanted),))[0] == reason


def test_a_task_without_runs_is_not_a_pass() -> None:
    assert graded(runs=())[0] == "tests_failed"
