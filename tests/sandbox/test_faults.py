"""Faults of the machine give infra, never pass or fail, and the budget stops a run that would not be honest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import InfraBudgetError
from burnish.protocols import Job, JobResult
from burnish.records import Completion
from burnish.verify import Verifier
from burnish.verify.cache import MemoryVerdictCache
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.faulty import FaultySandbox
from tests.sandbox.judging import VALUES, fenced, task

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
