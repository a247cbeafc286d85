"""From how a process ended and what it printed to a grade; processes are scripted: few end like this on demand."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from burnish.protocols import JobResult
from burnish.records import ProgramRun, ProgramTests, ValueCase, ValueTests
from burnish.verify.grader.program import grade_program
from burnish.verify.grader.protocol import read_end
from burnish.verify.grader.rust_tests import TestFunction, TestPlan, grade_rust_tests
from burnish.verify.grader.values import grade_values

N = "5ab6fdfe35c7505631fc89f3d0663bfb"
VALUES = ValueTests(
    cases=(ValueCase(call="f()", type="u8", expected="1"), ValueCase(call="g()", type="u8", expected="2"))
)
PLAN = TestPlan(functions=(TestFunction("a"), TestFunction("b")), source="")


def ended(stdout: str = "", exit_code: int = 0, stderr: bytes = b"", **fields: Any) -> JobResult:
    return JobResult(exit_code, stdout.encode(), stderr, cpu_ms=1.0, wall_ms=1.0, **fields)


def hexed(text: str) -> str:
    return text.encode().hex()


@pytest.mark.parametrize(
    ("result", "reason", "detail"),
    [
        (ended(), "ok", ""),
        (ended(fault="no bwrap"), "infra", "no bwrap"),
        (ended(exceeded="output"), "output_limit", "too much"),
        (ended(exceeded="memory"), "memory", "out of memory"),
        (ended(exceeded="cpu"), "timeout", "CPU time"),
        (ended(exceeded="wall"), "timeout", "in time"),
        (ended(exit_code=-signal.SIGSYS), "blocked", "forbidden system call"),
        (ended(exit_code=-signal.SIGKILL), "runtime_error", "killed by itself"),
        (ended(exit_code=101, stderr=b"panicked\n"), "runtime_error", "ended with 101: panicked"),
    ],
)
def test_every_end_of_a_process_has_its_reason(result: JobResult, reason: str, detail: str) -> None:
    found, said = read_end(result)
    assert found == reason
    assert detail in said


@pytest.mark.parametrize(
    ("stdout", "reason", "passed", "run"),
    [
        (f"{N} 0 value {hexed('1')}\n{N} 1 value {hexed('2')}\n{N} end\n", "ok", 2, 2),
        (f"{N} 0 value {hexed('1')}\n{N} 1 value {hexed('3')}\n{N} end\n", "tests_failed", 1, 2),
        (f"{N} 0 value {hexed('1')}\n{N} 1 value zz\n{N} end\n", "tests_failed", 1, 2),
        (f"{N} 0 value {hexed('1')}\n{N} 1 panic\n{N} end\n", "runtime_error", 1, 2),
        (f"{N} 0 value {hexed('1')}\n{N} 1 value {hexed('2')}\n", "tests_failed", 2, 2),
        (f"{N} 0 value {hexed('1')}\n", "tests_failed", 1, 1),
        ("test result: ok. 2 passed\n", "tests_failed", 0, 0),
    ],
)
def test_values_pass_only_when_all_are_there_and_right(stdout: str, reason: str, passed: int, run: int) -> None:
    grade = grade_values(ended(stdout), N, VALUES)
    assert (grade.reason, grade.tests.passed, grade.tests.run, grade.tests.expected) == (reason, passed, run, 2)


def test_a_process_that_ended_badly_fails_whatever_it_said() -> None:
    values = f"{N} 0 value {hexed('1')}\n{N} 1 value {hexed('2')}\n{N} end\n"
    assert grade_values(ended(values, exit_code=1), N, VALUES).reason == "runtime_error"
    assert grade_rust_tests(ended(f"{N} 0 ok\n{N} 1 ok\n{N} end\n", exceeded="cpu"), N, PLAN).reason == "timeout"


@pytest.mark.parametrize(
    ("stdout", "reason"),
    [
        (f"{N} 0 ok\n{N} 1 ok\n{N} end\n", "ok"),
        (f"{N} 0 ok\n{N} 1 failed\n{N} end\n", "tests_failed"),
        (f"{N} 0 ok\n{N} 1 ok\n", "tests_failed"),
        ("", "tests_failed"),
    ],
)
def test_rust_tests_pass_only_with_a_whole_report(stdout: str, reason: str) -> None:
    assert grade_rust_tests(ended(stdout), N, PLAN).reason == reason


@pytest.mark.parametrize(
    ("run", "result", "reason"),
    [
        (ProgramRun(stdin="a", expected_stdout="x\n"), ended("x  \n\n"), "ok"),
        (ProgramRun(expected_stdout="x"), ended("y"), "tests_failed"),
        (ProgramRun(exit_code=3), ended(exit_code=3), "ok"),
        (ProgramRun(exit_code=3), ended(), "tests_failed"),
        (ProgramRun(exit_code=3), ended(exit_code=4), "runtime_error"),
        (ProgramRun(exit_code=3, expected_stdout="x"), ended("y", exit_code=3), "tests_failed"),
        (ProgramRun(), ended(fault="gone"), "infra"),
    ],
)
def test_programs_are_graded_by_status_and_output(run: ProgramRun, result: JobResult, reason: str) -> None:
    grade = grade_program(ProgramTests(runs=(run,)), lambda _: result)
    assert grade.reason == reason
    assert grade.tests.passed == (reason == "ok")


def test_the_first_failing_run_ends_a_program_and_none_is_no_pass() -> None:
    seen: list[bytes] = []

    def run(stdin: bytes) -> JobResult:
        seen.append(stdin)
        return ended(stdin.decode())

    runs = tuple(
        ProgramRun(stdin=given, expected_stdout=wanted) for given, wanted in [("a", "a"), ("b", "x"), ("c", "c")]
    )
    grade = grade_program(ProgramTests(runs=runs), run)
    assert (grade.reason, grade.tests.run, grade.tests.passed, seen) == ("tests_failed", 2, 1, [b"a", b"b"])
    assert grade_program(ProgramTests(runs=()), run).reason == "tests_failed"
