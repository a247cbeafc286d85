"""Faults of the machine give infra, never pass or fail, and the budget stops a run that would not be honest."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import InfraBudgetError, SandboxError
from burnish.protocols import Job, JobResult
from burnish.records import Completion, Verdict
from burnish.verify import Verifier
from burnish.verify.compiler.compile import COMPILE_LIMITS
from burnish.verify.judge.cache import MemoryVerdictCache
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.cgroups import Cgroups
from burnish.verify.sandbox.faulty import FaultySandbox
from burnish.verify.sandbox.supervise import Running
from burnish.verify.sandbox.unsafe import UnsafeNoSandbox
from tests.sandbox.attack_tasks import VALUES, fenced, survivors, task

GOOD = "pub fn add(a: i64, b: i64) -> i64 { a + b }\npub fn rev(s: &str) -> String { s.chars().rev().collect() }\n"
BAD = GOOD.replace("a + b", "a - b")
BROKEN = GOOD.replace("-> i64", "-> String")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BubblewrapSandbox]:
    one = BubblewrapSandbox()
    yield one
    one.close()


def candidates(count: int) -> list[tuple[str, str]]:
    """Different programs with the reason that each deserves."""
    kinds = [(GOOD, "ok"), (BAD, "tests_failed"), (BROKEN, "compile_error")]
    return [(f"// {i}\n{kinds[i % 3][0]}", kinds[i % 3][1]) for i in range(count)]


@pytest.mark.parametrize("kind", ["on_start", "mid_job"])
def test_faults_become_infra_and_change_no_other_verdict(sandbox: BubblewrapSandbox, kind: str) -> None:
    faulty = FaultySandbox(sandbox, share=0.35, seed=5, kind="on_start" if kind == "on_start" else "mid_job")
    programs = candidates(9)
    cache = MemoryVerdictCache()
    with Verifier(VerifyConfig(infra_budget=1.0), sandbox=faulty, cache=cache) as verifier:
        pairs = [(task(str(i), VALUES), Completion(task_id=str(i), text=code)) for i, (code, _) in enumerate(programs)]
        verdicts = verifier.verify(pairs)
        assert faulty.injected > 0
        for verdict, (_, deserved) in zip(verdicts, programs, strict=True):
            assert verdict.reason in (deserved, "infra")
            assert (verdict.status == "infra") == (verdict.reason == "infra")
            if verdict.status == "infra":
                assert "injected" in verdict.detail
    with Verifier(VerifyConfig(), sandbox=sandbox, cache=cache) as healthy:
        again = healthy.verify(pairs)
    assert [v.reason for v in again] == [deserved for _, deserved in programs]
    assert [v.cached for v in again] == [v.status != "infra" for v in verdicts]


def test_budget_stops_the_run(sandbox: BubblewrapSandbox) -> None:
    faulty = FaultySandbox(sandbox, share=1.0)
    with (
        Verifier(VerifyConfig(infra_budget=0.1), sandbox=faulty) as verifier,
        pytest.raises(InfraBudgetError, match="injected"),
    ):
        verifier.verify([(task(str(i), None), Completion(task_id=str(i), text=f"// {i}\n{GOOD}")) for i in range(20)])


class _BrokenCompiler:
    """A sandbox whose compiler cannot be started by its loader, as when a library is missing: status 127."""

    layers = ("broken",)

    def run(self, job: Job) -> JobResult:
        message = b"clippy-driver: error while loading shared libraries: librustc_driver.so"
        return JobResult(exit_code=127, stdout=b"", stderr=message, cpu_ms=1.0, wall_ms=1.0)


def test_missing_library_is_no_compile_error() -> None:
    with Verifier(VerifyConfig(infra_budget=1.0), sandbox=_BrokenCompiler()) as verifier:
        verdict = verifier.verify([(task("a", None), Completion(task_id="a", text=fenced(GOOD)))])[0]
    assert (verdict.status, verdict.compiled) == ("infra", None)
    assert "127" in verdict.detail


def test_a_tenth_of_failing_starts_moves_no_rate(sandbox: BubblewrapSandbox) -> None:
    faulty = FaultySandbox(sandbox, share=0.1, seed=11)
    programs = candidates(24)
    pairs = [(task(str(i), VALUES), Completion(task_id=str(i), text=code)) for i, (code, _) in enumerate(programs)]
    with Verifier(VerifyConfig(infra_budget=0.2), sandbox=faulty) as verifier:
        verdicts = verifier.verify(pairs)
    assert faulty.injected >= 5
    judged = [(v.reason, deserved) for v, (_, deserved) in zip(verdicts, programs, strict=True) if v.status != "infra"]
    assert len(judged) >= 20
    assert all(reason == deserved for reason, deserved in judged)


def test_past_the_budget_the_exit_code_is_4_and_known_verdicts_stay(sandbox: BubblewrapSandbox) -> None:
    cache = MemoryVerdictCache()
    pairs = [(task(str(i), VALUES), Completion(task_id=str(i), text=code)) for i, (code, _) in enumerate(candidates(6))]
    with Verifier(VerifyConfig(), sandbox=sandbox, cache=cache) as verifier:
        known = verifier.verify(pairs[:3])
    broken = FaultySandbox(sandbox, share=1.0)
    seen: list[Verdict] = []
    with (
        Verifier(VerifyConfig(infra_budget=0.1), sandbox=broken, cache=cache) as verifier,
        pytest.raises(InfraBudgetError) as caught,
    ):
        verifier.verify(pairs, on_verdict=seen.append)
    assert caught.value.exit_code == 4
    assert [v.reason for v in seen if v.cached] == [v.reason for v in known]


def test_a_refusing_control_group_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Cgroups) -> None:
        raise OSError(errno.EACCES, "refused")

    monkeypatch.setattr(Cgroups, "group", refused)
    one = BubblewrapSandbox()
    result = one.run(Job(("/bin/true",), "compile", COMPILE_LIMITS))
    one.close()
    assert "no control group" in result.fault


def test_a_killed_monitor_is_a_fault_of_the_machine(
    sandbox: BubblewrapSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = Running._pump

    def killing(self: Running, *arguments: Any) -> Any:
        os.kill(self.pid, signal.SIGKILL)
        return pump(self, *arguments)

    monkeypatch.setattr(Running, "_pump", killing)
    result = sandbox.run(Job(("/bin/sleep", "30"), "compile", COMPILE_LIMITS))
    assert "did not start" in result.fault
    assert not survivors()


_FULL = """
import resource, signal, sys
from pathlib import Path
from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Verdict
from burnish.verify import Verifier
from tests.sandbox.attack_tasks import task
from tests.sandbox.test_faults import candidates
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
pairs = [(task(str(i), None), Completion(task_id=str(i), text=code)) for i, (code, _) in enumerate(candidates(40))]
with Verifier(VerifyConfig(cache=Path(sys.argv[1]), workers=1)) as verifier:
    verifier.verify(pairs[:3], on_verdict=lambda v: print(v.task_id, v.reason, flush=True))
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size,) * 2)
    verifier.verify(pairs, on_verdict=lambda v: None)
"""


def test_a_full_disk_loses_no_verdict_that_was_written(tmp_path: Path) -> None:
    cache = tmp_path / "verdicts.sqlite"
    done = subprocess.run([sys.executable, "-c", _FULL, str(cache)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    told = [line.split() for line in done.stdout.splitlines()]
    assert len(told) == 3
    pairs = [(task(str(i), None), Completion(task_id=str(i), text=code)) for i, (code, _) in enumerate(candidates(3))]
    with Verifier(VerifyConfig(cache=cache, workers=1)) as verifier:
        again = verifier.verify(pairs)
    assert [[v.task_id, v.reason] for v in again] == sorted(told)
    assert all(v.cached for v in again)


def test_a_missing_layer_stops_before_anything_is_judged(sandbox: BubblewrapSandbox) -> None:
    class Weaker:
        layers = tuple(layer for layer in sandbox.layers if layer != "seccomp")
        run = sandbox.run

    with pytest.raises(SandboxError, match="no seccomp"):
        Verifier(VerifyConfig(min_isolation=("namespaces", "seccomp")), sandbox=Weaker())
    Verifier(VerifyConfig(min_isolation=("seccomp", "unprivileged", "read-only-root"))).close()


def test_a_verdict_reached_without_a_sandbox_is_never_taken_for_another(sandbox: BubblewrapSandbox) -> None:
    cache = MemoryVerdictCache()
    pair = (task("a", VALUES), Completion(task_id="a", text=GOOD))
    unsafe = UnsafeNoSandbox()  # our own program, which is trusted
    with Verifier(VerifyConfig(), sandbox=unsafe, cache=cache) as verifier:
        verdict = verifier.verify([pair])[0]
    unsafe.close()
    assert verdict.reason == "ok"
    assert verdict.isolation[0].startswith("UNSAFE")
    with Verifier(VerifyConfig(), sandbox=sandbox, cache=cache) as verifier:
        assert not verifier.verify([pair])[0].cached
