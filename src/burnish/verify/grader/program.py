"""Grading whole programs: standard input in, exit status and standard output compared out here.

Output counts as equal when its lines are, blanks at their ends and blank lines at the end aside, as online judges have
it. A program sees its input alone; what is expected never enters the sandbox.

Not covered: standard error; several answers that are all right; numbers within a tolerance.
"""

from __future__ import annotations

from collections.abc import Callable

from burnish.protocols import JobResult
from burnish.records import ProgramRun, ProgramTests, TestCounts
from burnish.verify.grader.protocol import Grade, read_end

_SHOWN = 200


def grade_program(tests: ProgramTests, run: Callable[[bytes], JobResult]) -> Grade:
    """Run the program on one input after the other, until the first that it fails."""
    expected = len(tests.runs)
    for index, case in enumerate(tests.runs):
        result = run(case.stdin.encode())
        reason, detail = read_end(result)
        if reason == "runtime_error" and result.exit_code == case.exit_code:
            reason = "ok"
        elif reason == "ok" and case.exit_code != 0:
            reason, detail = "tests_failed", f"run {index} ended with 0, expected {case.exit_code}"
        if reason == "ok" and case.expected_stdout is not None:
            said = result.stdout.decode(errors="replace")
            if _lines(said) != _lines(case.expected_stdout):
                reason, detail = "tests_failed", _difference(index, said, case)
        if reason != "ok":
            return Grade(reason, TestCounts(run=index + 1, passed=index, expected=expected), detail)
    if not tests.runs:
        return Grade("tests_failed", TestCounts(), "there is no run to pass")
    return Grade("ok", TestCounts(run=expected, passed=expected, expected=expected))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _difference(index: int, said: str, case: ProgramRun) -> str:
    """The first line that differs."""
    got, wanted = _lines(said), _lines(case.expected_stdout or "")
    at = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted)))
    here = [repr(lines[at])[:_SHOWN] if at < len(lines) else "nothing" for lines in (got, wanted)]
    return f"run {index}, line {at + 1} of the output: {here[0]}, expected {here[1]}"
