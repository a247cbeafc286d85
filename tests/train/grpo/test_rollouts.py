"""Writing and judging go on at the same time, what is kept is whole, and a resumed file loses what comes again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from burnish.errors import InfraBudgetError
from burnish.records import Completion, Rollout, Score, Verdict
from burnish.train.grpo.prompt_pool import PromptPool, Prompts
from burnish.train.grpo.rollout_metrics import rollout_metrics
from burnish.train.grpo.rollouts import Answer, Rollouts, truncate_rollouts
from tests.train.small_grpo import grpo_stage, judge_by


def answers(prompts: Sequence[Sequence[int]], finished: bool = True) -> list[tuple[int, Answer]]:
    return [(n, Answer([7] * (n + 1), f"a{n}", finished, None)) for n in range(len(prompts))]


def opened(file: Path, *, write: Any, judge: Any, **said: Any) -> Rollouts:
    pool = PromptPool(4, seed=0, revisit_share=0)
    stage = grpo_stage(**{"num_generations": 2, "decode_batch": 2, **said})
    prompts = Prompts([f"t{n}" for n in range(4)], [[1] * (4 - task) for task in range(4)], frozenset())
    return Rollouts(prompts, pool, write=write, judge=judge, stage=stage, seed=0, file=file)


def test_a_chunk_is_judged_while_the_next_is_written(tmp_path: Path) -> None:
    """The second chunk is only written once the first one is being judged: one after the other would hang."""
    judging = threading.Event()
    written: list[list[int]] = []

    def write(_: Any, prompts: Any, __: int) -> list[tuple[int, Answer]]:
        if written:
            assert judging.wait(30)
        written.append([len(ids) for ids in prompts])
        return answers(prompts)

    def judge(pairs: Any) -> list[tuple[Verdict, Score]]:
        judging.set()
        return judge_by(lambda task, _: float(task % 2))(pairs)

    with opened(tmp_path / "r.jsonl", write=write, judge=judge) as rollouts:
        samples = rollouts.write(None, [0, 1, 2, 3], step=5)
        groups = rollouts.judged(5)
    assert written == [[1, 1], [2, 2], [3, 3], [4, 4]], "short prompts first, a prompt's answers together"
    assert [group.task for group in groups] == [3, 2, 1, 0] == [sample.task for sample in samples[::2]]
    assert [group.pass_rate for group in groups] == [1, 0, 1, 0]
    assert rollouts.pool.seen == 4
    kept = [Rollout.from_json(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [(one.step, one.completion.task_id, one.completion.sample_index) for one in kept[:2]] == [
        (5, "t3", 0),
        (5, "t3", 1),
    ]
    assert all(one.verdict is not None for one in kept)


def test_an_answer_is_judged_while_longer_ones_of_its_chunk_are_written(tmp_path: Path) -> None:
    """The others are only finished once the first one is judged: one after the other would hang. They end in order."""
    judged = threading.Event()

    def write(_: Any, prompts: Any, __: int) -> Iterator[tuple[int, Answer]]:
        found = answers(prompts)
        yield found[2]
        assert judged.wait(30)
        yield from (found[3], found[0], found[1])

    def judge(pairs: Any) -> list[tuple[Verdict, Score]]:
        judged.set()
        return judge_by(lambda _, one: float(one.text == "a1"))(pairs)

    with opened(tmp_path / "r.jsonl", write=write, judge=judge, decode_batch=4) as rollouts:
        samples = rollouts.write(None, [0, 1], step=0)
        groups = rollouts.judged(0)
    assert [sample.completion.text for sample in samples] == ["a0", "a1", "a2", "a3"]
    assert [(group.task, group.rewards) for group in groups] == [(1, [0.0, 1.0]), (0, [0.0, 0.0])]
    assert all(sample.completion.seconds > 0 for sample in samples)


def test_random_numbers_follow_from_step_and_place(tmp_path: Path) -> None:
    seeds: list[int] = []

    def write(_: Any, prompts: Any, seed: int) -> list[tuple[int, Answer]]:
        seeds.append(seed)
        return answers(prompts)

    for _ in range(2):
        with opened(tmp_path / "r.jsonl", write=write, judge=judge_by(lambda *_: 0.0)) as rollouts:
            for step in range(3):
                rollouts.write(None, [0, 1], step=step)
                rollouts.judged(step)
    assert seeds[:6] == seeds[6:]
    assert len(set(seeds)) == 6


def test_an_error_of_the_judge_is_raised_where_verdicts_are_awaited(tmp_path: Path) -> None:
    def judge(_: Any) -> Any:
        raise InfraBudgetError("too much could not be judged.", "Run burnish doctor.")

    with opened(tmp_path / "r.jsonl", write=lambda _, prompts, __: answers(prompts), judge=judge) as rollouts:
        rollouts.write(None, [0], step=0)
        with pytest.raises(InfraBudgetError):
            rollouts.judged(0)


def test_repeated_rollouts_are_truncated_on_resume(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    truncate_rollouts(file, 3)
    assert not file.exists()
    lines = [Rollout(step=step, completion=Completion(task_id=f"t{step}", text="x")).to_json() for step in range(5)]
    file.write_text("\n".join(lines) + '\n{"torn')
    truncate_rollouts(file, 3)
    assert file.read_text() == "".join(line + "\n" for line in lines[:3])


def test_metrics_count_all_attempted_and_rewards_what_was_scored(tmp_path: Path) -> None:
    worths = {("t0", 0): 1.0, ("t0", 1): 0.0, ("t1", 0): None, ("t1", 1): 0.5}
    judge = judge_by(lambda _, one: worths[one.task_id, one.sample_index])
    write = lambda _, prompts, __: answers(prompts, finished=len(prompts[0]) == 4)  # noqa: E731
    with opened(tmp_path / "r.jsonl", write=write, judge=judge) as rollouts:
        rollouts.write(None, [0, 1], step=0)
        found = rollout_metrics(rollouts.judged(0))
    assert found["reward"] == pytest.approx(0.5)
    assert found["rollouts/tests_passed"] == 0.5
    assert found["rollouts/compile_rate"] == 0.75
    assert found["rollouts/infra_share"] == 0.25
    assert found["rollouts/groups_with_signal"] == found["rollouts/wasted_share"] == 0.5
    assert found["rollouts/truncated_share"] == 0.5
    assert found["rollouts/completion_length"] == 1.5
    assert found["rollouts/group_std"] == pytest.approx(0.5**0.5)
