"""Grade whole programs: standard input in; exit status and standard output are compared outside the sandbox.

Output is equal when its lines are, ignoring blanks at line ends and blank lines at the end, as in online judges. A
program sees only its input; the expected output never enters the sandbox.

Not covered: standard error; several correct outputs; numbers within a tolerance.
"""

from __future__ import annotations

from collections.abc import Callable

from burnish.protocols import JobResult
from burnish.records import ProgramRun, ProgramTests, TestCounts
from burnish.verify.grader.protocol import Grade, read_end

_SHOWN = 200


def grade_program(tests: ProgramTests, run: Callable[[bytes], JobResult]) -> Grade:
    """Run the program on each input, until the first that fails."""
    expected = len(tests.runs)
    for index, case in enumerate(tests.runs):
        result = run(case.stdin.encode())
        reason, detail = read_end(result)
        if reason == "runtime_error" and result.exit_code == case.exit_code:
            reason = "ok"
        elif reason == "ok" and case.exit_code != 0:
            reason, detail = "tests_failed", f"run {index} ended with 0, expected {case.exit_code}"
        if reason == "ok" and case.expected_stdout is not None:
            printed = result.stdout.decode(errors="replace")
            if _lines(printed) != _lines(case.expected_stdout):
                reason, detail = "tests_failed", _difference(index, printed, case)
        if reason != "ok":
            return Grade(reason, TestCounts(run=index + 1, passed=index, expected=expected), detail)
    if not tests.runs:
        return Grade("tests_failed", TestCounts(), "there is no run to pass")
    return Grade("ok", TestCounts(run=expected, passed=expected, expected=expected))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _difference(index: int, printed: str, case: ProgramRun) -> str:
    """Describe the first line that differs."""
    got, wanted = _lines(printed), _lines(case.expected_stdout or "")
    at = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted)))
    line_of_each = [repr(lines[at])[:_SHOWN] if at < len(lines) else "nothing" for lines in (got, wanted)]
    return f"run {index}, line {at + 1} of the output: {line_of_each[0]}, expected {line_of_each[1]}"
