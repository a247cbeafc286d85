"""Replays of an evaluation, a run and single files: what is judged again, and what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.config.reward import DenseReward, RewardReplayConfig, SparseReward
from burnish.config.stages.kinds.tasks import TasksStage
from burnish.config.stages.recipe import Recipe
from burnish.config.tasks import TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, FileAnswers
from burnish.config.verify import VerifyConfig
from burnish.errors import DataError
from burnish.ledger.run_folder import open_run
from burnish.records import Completion, Rollout, Task, ValueCase, ValueTests, Verdict
from burnish.records.files import write_records
from burnish.workflows.evaluate.evaluate import evaluate
from burnish.workflows.rewards.replay import replay_rewards

CONFIG = RewardReplayConfig(shapes=(DenseReward(), SparseReward()))
RIGHT, HALF, BROKEN = ("{ a + b }", "{ if a > 0 { a + b } else { 0 } }", "{ a + }")


def task(name: str) -> Task:
    pairs = ((1, 2), (5, 5), (-3, 1), (-9, 4))
    cases = tuple(ValueCase(call=f"{name}({a}, {b})", type="i64", expected=str(a + b)) for a, b in pairs)
    return Task(id=name, family="f", prompt=(), entry_point=name, tests=ValueTests(cases=cases))


TASKS = (task("plus"), task("sum"))


def written(name: str, *bodies: str) -> list[Completion]:
    head = f"pub fn {name}(a: i64, b: i64) -> i64 "
    return [Completion(task_id=name, sample_index=i, text=head + body) for i, body in enumerate(bodies)]


COMPLETIONS = [*written("plus", RIGHT, HALF, BROKEN), *written("sum", RIGHT, RIGHT)]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an evaluation."""
    folder = tmp_path_factory.mktemp("replay")
    write_records(folder / "tasks.jsonl", TASKS)
    write_records(folder / "answers.jsonl", COMPLETIONS)
    evaluate(
        EvaluateConfig(
            out=folder / "out",
            tasks=TaskFile(path=folder / "tasks.jsonl"),
            answers=FileAnswers(path=folder / "answers.jsonl"),
        )
    )
    return folder / "out"


def test_an_evaluation_is_replayed_without_judging_anything_again(evaluated: Path) -> None:
    report = replay_rewards(evaluated, CONFIG)
    assert report["samples"] == 5
    assert report["judged"] == {"saved_timeouts": 0, "from_cache": 5, "verified_again": 0}
    dense, sparse = report["shapes"]
    assert (dense["groups"], dense["signal_share"], dense["unscored"]) == (2, 0.5, {})
    assert dense["tau_tests"] == pytest.approx(1.0)
    assert sparse["tau_tests"] < 1.0
    half = dense["top_wrong"][0]
    assert (half["task_id"], half["passed"], half["expected"]) == ("plus", 2, 4)
    assert half["reward"] == pytest.approx(0.2 + 0.7 / 3)  # of four sums, a constant knows one
    assert "else { 0 }" in half["code"]


def test_verdicts_missing_from_the_cache_are_computed(evaluated: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"verify": VerifyConfig(cache=tmp_path / "new.sqlite")})
    again = replay_rewards(evaluated, config)
    assert again["judged"]["verified_again"] > 0
    assert again["shapes"] == replay_rewards(evaluated, CONFIG)["shapes"]


def test_a_run_brings_its_own_tasks_and_groups_go_by_step(evaluated: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    recipe = Recipe(name="one", stages=(TasksStage(name="tasks"),))
    with open_run(run, recipe=recipe.model_dump(mode="json"), digests={}, version="0", resume=False):
        pass
    write_records(run / "tasks" / "train.jsonl", TASKS)
    rollouts = [Rollout(step=step, completion=one) for step in (1, 2) for one in COMPLETIONS[:3]]
    rollouts.append(Rollout(step=3, completion=COMPLETIONS[3]))
    write_records(run / "grpo" / "rollouts.jsonl", rollouts)
    config = CONFIG.model_copy(update={"verify": VerifyConfig(cache=evaluated / ".cache" / "verdicts.sqlite")})
    for source in (run, run / "grpo" / "rollouts.jsonl"):
        report = replay_rewards(source, config)
        assert report["samples"] == 7
        assert report["judged"]["verified_again"] == 0
        assert report["shapes"][0]["groups"] == 2


def test_a_saved_timeout_is_not_run_again(evaluated: Path, tmp_path: Path) -> None:
    loop = written("plus", "{ loop { std::hint::black_box(a + b); } }")[0]
    verdict = Verdict(task_id="plus", status="fail", stage="test", reason="timeout", compiled=True, code=loop.text)
    write_records(tmp_path / "rollouts.jsonl", [Rollout(completion=loop, verdict=verdict)])
    tasks = TaskFile(path=evaluated.parent / "tasks.jsonl")
    report = replay_rewards(tmp_path / "rollouts.jsonl", CONFIG.model_copy(update={"tasks": tasks}))
    assert report["judged"] == {"saved_timeouts": 1, "from_cache": 0, "verified_again": 0}
    assert report["shapes"][0]["mean"] == 0.2
    assert not (tmp_path / ".cache").exists()


def test_mistakes_in_a_replay_are_named(evaluated: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        replay_rewards(tmp_path / "none", CONFIG)
    with pytest.raises(DataError, match="has no completions"):
        replay_rewards(tmp_path, CONFIG)
    stray = tmp_path / "stray.jsonl"
    write_records(stray, COMPLETIONS)
    with pytest.raises(DataError, match="is not inside a run"):
        replay_rewards(stray, CONFIG)
    other = tmp_path / "tasks.jsonl"
    write_records(other, TASKS[:1])
    with pytest.raises(DataError, match="the task 'sum' is unknown"):
        replay_rewards(stray, CONFIG.model_copy(update={"tasks": TaskFile(path=other)}))
    write_records(other, [one.model_copy(update={"kind": "numeric", "tests": None}) for one in TASKS])
    with pytest.raises(DataError, match="of the kind 'numeric'"):
        replay_rewards(stray, CONFIG.model_copy(update={"tasks": TaskFile(path=other)}))
    stray.write_text("{}\n")
    with pytest.raises(DataError, match=r"stray.jsonl:1: not a Completion record"):
        replay_rewards(stray, CONFIG)
