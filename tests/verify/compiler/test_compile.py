"""How the end of a compiler process is read, above all one that crashed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest

from burnish.protocols import Job, JobResult
from burnish.verify.compiler.compile import Compiled, Compiler
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox


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


def test_a_broken_sandbox_gives_no_verdict_on_the_program() -> None:
    class Broken(_Scripted):
        def run(self, job: Job) -> JobResult:
            return replace(super().run(job), fault="gone")

    assert _check(Broken(1)) == ("infra", False)


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    sandbox = BubblewrapSandbox()
    yield Compiler(sandbox, find_toolchain())
    sandbox.close()


def _said(compiled: Compiled) -> Compiled:
    return replace(compiled, cpu_ms=0.0, artifact=b"", stderr=b"")


@pytest.mark.parametrize(
    "code",
    [
        "fn main() { let n: u8 = 3; return; }",
        'fn main() { let n: u8 = "3"; }',
        "fn main() { let n = vec![1]; drop(n); drop(n); }",
        "fn main() { unknown(); }",
        "fn main() {",
        "fn helper() {}",
        'const N: usize = [1, 2][5]; fn main() { println!("{}", N); }',
    ],
)
def test_one_pass_gives_the_diagnostics_of_a_check(compiler: Compiler, code: str) -> None:
    checked = compiler.check(code, "2021", "bin", reachable=False)
    both = compiler.check_and_build(code, "2021")
    assert both is not None
    assert _said(both) == _said(checked)
    assert bool(both.artifact) == (checked.reason == "ok")


@pytest.mark.parametrize(
    "code",
    [
        'fn main() { let v = [1, 2]; let i = 7; println!("{}", v[i]); }',  # unconditional_panic, when building
        'fn main() { let n: u8 = "3"; } fn other() -> u8 { 255u8 + 1 }',  # arithmetic_overflow beside E0308
        "struct S<const N: usize>; impl<const N: usize> S<N> { const A: () = assert!(N > 2); fn f() { Self::A } }\n"
        "fn main() { S::<1>::f() }",  # an error of one instance
        'extern "C" { fn nowhere(); } fn main() { unsafe { nowhere() } }',
        'fn main() { let x = { let x = format_args!("{}", 0); x }; drop(x); }',  # E0716 of clippy-driver alone
        "#![deny(unused_variables)] fn main() { let n = 1; }",
        'const S: &str = include_str!("/proc/self/environ"); fn main() { println!("{S}"); }',
        '#[path = "/proc/self/environ"] mod m; fn main() {}',
    ],
)
def test_what_one_pass_cannot_tell_is_left_to_check_and_build(compiler: Compiler, code: str) -> None:
    assert compiler.check_and_build(code, "2021") is None
