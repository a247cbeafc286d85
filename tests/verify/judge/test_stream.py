"""Verdicts as a stream, of a source that need not end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import InfraBudgetError, SandboxError
from burnish.protocols import Job, JobResult
from burnish.records import Completion, Task
from burnish.verify import Verifier
from burnish.verify.judge.verifier import MOST_CODE_BYTES


class Broken:
    """A sandbox that never starts anything."""

    layers = ("broken",)

    def run(self, job: Job) -> JobResult:
        return JobResult(exit_code=-1, stdout=b"", stderr=b"", cpu_ms=0, wall_ms=0, fault="no sandbox")


def pair(name: str, code: str) -> tuple[Task, Completion]:
    return Task(id=name, family="f", prompt=()), Completion(task_id=name, text=code)


def endless(code: str) -> Iterator[tuple[Task, Completion]]:
    return (pair(str(n), f"{code} // {n}") for n in itertools.count())


@pytest.mark.parametrize("ordered", [True, False])
def test_an_endless_source_gives_verdicts_until_it_is_left(ordered: bool) -> None:
    with Verifier(VerifyConfig(workers=2, infra_budget=1.0), sandbox=Broken()) as verifier:
        stream = verifier.stream(endless("fn main() {}"), ordered=ordered)
        first = list(itertools.islice(stream, 5))
        stream.close()
    assert all(verdict.status == "infra" for verdict in first)
    if ordered:
        assert [verdict.task_id for verdict in first] == ["0", "1", "2", "3", "4"]
    else:
        assert len({verdict.task_id for verdict in first}) == 5


def test_faults_of_a_stream_are_weighed_against_many() -> None:
    with Verifier(VerifyConfig(workers=1, infra_budget=0.1), sandbox=Broken()) as verifier:
        stream = verifier.stream(endless("fn main() {}"), ordered=False)
        assert [next(stream).status for _ in range(6)] == ["infra"] * 6
        with pytest.raises(InfraBudgetError, match="6 of 50 candidates could not be judged"):
            next(stream)


@pytest.mark.parametrize("prompt", [None, "fn add(a: i64, b: i64) -> i64 {\n"])
def test_a_program_that_takes_too_many_steps_to_read_fails_before_any_compiler(prompt: str | None) -> None:
    task, answer = pair("a", "```rust\nfn add(a: i64, b: i64) -> i64 { a + b }\n" + ",-" * 60_000 + "\n```\n")
    with Verifier(VerifyConfig(workers=1), sandbox=Broken()) as verifier:
        [verdict] = list(verifier.stream([(task.model_copy(update={"code_prompt": prompt}), answer)]))
    assert (verdict.status, verdict.reason, verdict.stage) == ("fail", "too_long", "extract")


def test_a_program_too_long_is_refused_before_any_compiler() -> None:
    long = "fn main() {} //" + "x" * MOST_CODE_BYTES
    with Verifier(VerifyConfig(workers=1), sandbox=Broken()) as verifier:
        [verdict] = list(verifier.stream([pair("a", long)]))
    assert (verdict.reason, verdict.stage, verdict.compiled) == ("too_long", "extract", False)


def test_a_sandbox_without_a_required_layer_is_refused() -> None:
    with pytest.raises(SandboxError):
        Verifier(VerifyConfig(min_isolation=("no-network",)), sandbox=Broken())
