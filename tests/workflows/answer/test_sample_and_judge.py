"""Sampling with verification beside it: what is kept, never done twice, stopped, and not moved by faults."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from burnish.config.reward import DenseReward
from burnish.config.stages.selection import SelectionConfig
from burnish.config.verify import VerifyConfig
from burnish.errors import InfraBudgetError
from burnish.fsio import read_lines
from burnish.generate.scripted import ScriptedGenerator
from burnish.protocols import Job, JobResult, Sandbox
from burnish.records import Completion, Message, Task, ValueCase, ValueTests, Verdict
from burnish.score.rewards.score_verdict import score_verdict
from burnish.score.selection.held_out import HeldOut
from burnish.score.selection.judged import Judged
from burnish.score.selection.select import Kept, select
from burnish.verify import Verifier
from burnish.verify.judge.cache import MemoryVerdictCache
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.faulty import FaultySandbox
from burnish.workflows.answer.sample_and_judge import Sampled, sample

TASKS = 24
BODIES = ("{ x + N }", "{ N + x }", "{ x - N }", "{ x + missing }")
"""Two right answers, a wrong one, and one that does not compile."""


def task(number: int) -> Task:
    cases = tuple(ValueCase(call=f"f({x})", type="i64", expected=str(x + number)) for x in (-3, 0, 4, 9))
    prompt = (Message(role="user", content=f"Write f that adds {number}."),)
    return Task(
        id=f"add-{number}", family=f"add {number}", prompt=prompt, entry_point="f", tests=ValueTests(cases=cases)
    )


ALL = [task(number) for number in range(1, TASKS + 1)]
ANSWERS = {
    one.id: [f"pub fn f(x: i64) -> i64 {body.replace('N', str(n))}" for body in BODIES] for n, one in enumerate(ALL, 1)
}


class Counting:
    """A sandbox that counts its jobs."""

    def __init__(self, inner: Sandbox) -> None:
        self.inner = inner
        self.jobs = 0

    @property
    def layers(self) -> tuple[str, ...]:
        return self.inner.layers

    def run(self, job: Job) -> JobResult:
        self.jobs += 1
        return self.inner.run(job)


class Stopping(ScriptedGenerator):
    """Stops after so many batches."""

    def __init__(self, batches: int) -> None:
        super().__init__(ANSWERS, batch_size=2)
        self.batches = batches

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        for count, batch in enumerate(super().generate(tasks, finished)):
            if count == self.batches:
                raise KeyboardInterrupt
            yield batch


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BubblewrapSandbox]:
    one = BubblewrapSandbox()
    yield one
    one.close()


def sampled(
    verifier: Verifier, folder: Path, tasks: Sequence[Task], generator: ScriptedGenerator | None = None
) -> Sampled:
    made = generator or ScriptedGenerator(ANSWERS, batch_size=2)
    return sample(made, verifier, tasks, folder, samples=len(BODIES), infra_budget=1.0)


def statuses(found: Sampled) -> list[str]:
    return [verdict.reason for verdict in found.verdicts]


def test_an_interrupted_attempt_continues_and_judges_no_program_twice(
    sandbox: BubblewrapSandbox, tmp_path: Path
) -> None:
    counting, tasks = Counting(sandbox), ALL[:8]
    with Verifier(VerifyConfig(workers=2), sandbox=counting, cache=MemoryVerdictCache()) as verifier:
        with pytest.raises(KeyboardInterrupt):
            sampled(verifier, tmp_path, tasks, Stopping(2))
        assert len(list(read_lines(tmp_path / "completions.jsonl"))) == 4 * len(BODIES)
        with (tmp_path / "verdicts.jsonl").open("a") as file:
            file.write('{"task_id": "add-')  # a kill in the middle of a line
        found = sampled(verifier, tmp_path, tasks)
        assert statuses(found) == ["ok", "ok", "tests_failed", "compile_error"] * len(tasks)
        assert [(completion.task_id, completion.sample_index) for completion in found.completions] == [
            (verdict.task_id, verdict.sample_index) for verdict in found.verdicts
        ]
        jobs = counting.jobs
        again = sampled(verifier, tmp_path, tasks)
        assert again.verdicts == found.verdicts, "what is on disk is kept"
        elsewhere = sampled(verifier, tmp_path / "other", tasks)
        assert all(verdict.cached for verdict in elsewhere.verdicts), "a known program is never verified twice"
        assert counting.jobs == jobs
    assert statuses(elsewhere) == statuses(found)


def test_too_many_faults_stop_the_sampling(sandbox: BubblewrapSandbox, tmp_path: Path) -> None:
    faulty = FaultySandbox(sandbox, share=1.0)
    with Verifier(VerifyConfig(workers=2), sandbox=faulty) as verifier, pytest.raises(InfraBudgetError, match="of 8"):
        sample(ScriptedGenerator(ANSWERS), verifier, ALL[:2], tmp_path, samples=len(BODIES), infra_budget=0.02)
    assert len(list(read_lines(tmp_path / "completions.jsonl"))) == 8


def scored(found: Sampled) -> list[Judged]:
    by_id = {one.id: one for one in ALL}
    return [
        Judged(
            by_id[verdict.task_id], completion, verdict, score_verdict(DenseReward(), verdict, by_id[verdict.task_id])
        )
        for completion, verdict in zip(found.completions, found.verdicts, strict=True)
    ]


def rewards(judged: Sequence[Judged]) -> list[float]:
    return [judgement.score.value for judgement in judged if judgement.score.value is not None]


def keys(kept: Sequence[Kept]) -> set[str]:
    return {one.judged.answer_key for one in kept}


def is_infra(verdict: Verdict) -> bool:
    return verdict.status == "infra"


def test_a_tenth_of_faults_moves_reward_and_selection_by_no_more_than_chance(
    sandbox: BubblewrapSandbox, tmp_path: Path
) -> None:
    with Verifier(VerifyConfig(workers=2), sandbox=sandbox) as verifier:
        clean = scored(sampled(verifier, tmp_path / "clean", ALL))
    # each start is tried three times, with some three jobs each: this share leaves about a tenth as infra
    faulty = FaultySandbox(sandbox, share=0.2, seed=3)
    with Verifier(VerifyConfig(workers=2), sandbox=faulty, together="never") as verifier:
        struck = scored(sampled(verifier, tmp_path / "struck", ALL))
    lost = [one for one in struck if is_infra(one.verdict)]
    assert 0.03 < len(lost) / len(struck) < 0.25, "the faults are there"
    there, here = rewards(clean), rewards(struck)
    assert len(here) == len(struck) - len(lost), "no fault has a reward, not even 0"
    noise = statistics.stdev(there) * math.sqrt(1 / len(here) - 1 / len(there))
    assert abs(statistics.fmean(here) - statistics.fmean(there)) <= 3 * noise
    chosen = [select(SelectionConfig(), judged, HeldOut(()), seed=0).kept for judged in (clean, struck)]
    missing = keys(chosen[0]) - keys(chosen[1])
    assert keys(chosen[1]) <= keys(chosen[0]), "nothing is selected because of a fault"
    assert missing == {one.answer_key for one in clean if one.passed} & {
        clean[place].answer_key for place, one in enumerate(struck) if is_infra(one.verdict)
    }, "and nothing else is lost than what could not be judged"
