from __future__ import annotations

import pytest

from burnish.errors import SandboxError
from burnish.protocols import Job, JobResult
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.open_sandbox import proven_findings
from burnish.verify.sandbox.selftest import require, self_test


class _Leaky:
    """A sandbox that lets one kind of attempt through: what it prints then is what `probe.rs` prints."""

    layers = ("leaky",)

    def __init__(self, inner: BubblewrapSandbox, attempt: str, result: JobResult) -> None:
        self._inner, self._attempt, self._result = inner, attempt, result

    def run(self, job: Job) -> JobResult:
        return self._result if self._attempt in job.argv else self._inner.run(job)


ESCAPED = JobResult(exit_code=77, stdout=b"ESCAPED\n", stderr=b"", cpu_ms=1.0, wall_ms=1.0)
NOT_RUN = JobResult(exit_code=1, stdout=b"", stderr=b"cannot start", cpu_ms=1.0, wall_ms=1.0)


def test_the_real_sandbox_holds() -> None:
    findings = proven_findings()
    assert len(findings) == 20
    assert [f for f in findings if not f.ok] == []


@pytest.mark.parametrize("result", [ESCAPED, NOT_RUN], ids=["escaped", "not run"])
@pytest.mark.parametrize("attempt", ["read", "userns", "good"])
def test_a_leak_or_a_test_that_proves_nothing_is_found(attempt: str, result: JobResult) -> None:
    inner = BubblewrapSandbox()
    try:
        findings = self_test(_Leaky(inner, attempt, result), find_toolchain())
    finally:
        inner.close()
    assert len([f for f in findings if not f.ok]) == 1
    with pytest.raises(SandboxError, match="failed its self-test"):
        require(findings, ("leaky",))


def test_a_sandbox_that_cannot_compile_is_named() -> None:
    inner = BubblewrapSandbox()
    try:
        with pytest.raises(SandboxError, match="cannot compile a good program"):
            self_test(_Leaky(inner, f"{find_toolchain().inside}/bin/rustc", NOT_RUN), find_toolchain())
    finally:
        inner.close()
