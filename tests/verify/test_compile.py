"""How the end of a compiler process is read, above all one that crashed."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from burnish.protocols import Job, JobResult
from burnish.verify.compile import Compiler
from burnish.verify.toolchain import find_toolchain


class _Scripted:
    """A sandbox that gives prepared results, in order."""

    layers = ("scripted",)

    def __init__(self, *exit_codes: int, stderr: bytes = b"") -> None:
        self.exit_codes = list(exit_codes)
        self.stderr = stderr

    def run(self, job: Job) -> JobResult:
        code = self.exit_codes.pop(0)
        return JobResult(exit_code=code, stdout=b"", stderr=self.stderr, cpu_ms=1.0, wall_ms=1.0)


def _check(sandbox: _Scripted) -> tuple[str, bool]:
    compiled = Compiler(sandbox, find_toolchain()).check("fn main() {}", "2021", "bin", reachable=False)
    return compiled.reason, compiled.crashed


def test_a_compiler_that_crashes_once_is_asked_again() -> None:
    sandbox = _Scripted(101, 0, stderr=b"failed to spawn thread")
    assert _check(sandbox) == ("ok", False)
    assert sandbox.exit_codes == []


def test_a_compiler_that_crashes_twice_cannot_compile_the_program() -> None:
    assert _check(_Scripted(101, -11)) == ("compile_error", True)


def test_any_other_end_is_a_fault_of_the_machine() -> None:
    assert _check(_Scripted(127)) == ("infra", False)
    assert _check(_Scripted(1)) == ("infra", False)  # no diagnostics: it did not say what is wrong


def test_an_end_without_a_crash_is_believed_at_once() -> None:
    sandbox = _Scripted(0, 101)
    assert _check(sandbox) == ("ok", False)
    assert sandbox.exit_codes == [101]


@pytest.mark.parametrize(
    ("exceeded", "reason"),
    [("output", "output_limit"), ("memory", "memory"), ("cpu", "timeout"), ("wall", "timeout")],
)
def test_a_compiler_that_exceeds_a_limit_fails_the_program(
    exceeded: Literal["output", "memory", "cpu", "wall"], reason: str
) -> None:
    class Limited(_Scripted):
        def run(self, job: Job) -> JobResult:
            return replace(super().run(job), exceeded=exceeded)

    assert _check(Limited(-9)) == (reason, False)


def test_a_broken_sandbox_is_no_word_about_the_program() -> None:
    class Broken(_Scripted):
        def run(self, job: Job) -> JobResult:
            return replace(super().run(job), fault="gone")

    assert _check(Broken(1)) == ("infra", False)
