"""A grpo stage in a recipe, with real programs and a real compiler: trained from a model or an adapter, measured, and
its rollouts replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.reward import RewardReplayConfig
from burnish.config.stages.recipe import Recipe
from burnish.data.tasks.task_sets import read_tasks
from burnish.errors import DataError, GateError, MissingToolError
from burnish.records import Rollout, Task, ValueCase, ValueTests
from burnish.workflows.recipe import last_training_stage, run_recipe
from burnish.workflows.rewards.replay import replay_rewards
from burnish.workflows.train.grpo import check_tasks, known_rates

TASKS = {"kind": "rust", "train": 16, "held_out": 4, "cases": 4}
SMALL = {"adapter": {"kind": "lora", "r": 4}, "log_every": 1, "effective_batch": 16, "micro_batch": 8}
GRPO = {"kind": "grpo", "name": "grpo", "max_steps": 2, "num_generations": 4, "max_completion_length": 96, **SMALL}


def recipe(runs: Path, *stages: dict[str, Any], **said: Any) -> Recipe:
    described = {
        "name": "run",
        "runs_dir": str(runs),
        "model": {"base": "nano", "device": "cpu"},
        "data": {"tasks": TASKS},
        "stages": [{"kind": "tasks", "name": "tasks"}, *stages],
    }
    return Recipe.model_validate_json(json.dumps(described | said))


def test_grpo_learns_from_the_compiler_and_its_rollouts_can_be_replayed(tmp_path: Path) -> None:
    sft = {"kind": "sft", "name": "sft", "max_steps": 1, **SMALL}
    continued = GRPO | {"start_from": "sft", "save_every": 1}
    merged = GRPO | {"name": "merging", "start_from": "grpo", "previous_adapter": "merge", "max_steps": 1}
    merged |= {"rates_from": "grpo", "revisit_share": 1.0}
    measure = {"kind": "evaluate", "name": "measure", "model": "merging"}
    made = recipe(tmp_path / "runs", sft, continued, merged, measure)
    assert last_training_stage(made)[-1].name == "merging"
    folder = run_recipe(made)
    rollouts = [Rollout.from_json(line) for line in (folder / "grpo" / "rollouts.jsonl").read_text().splitlines()]
    assert len(rollouts) == 32
    assert {rollout.step for rollout in rollouts} == {0, 1}
    verdicts = [rollout.verdict for rollout in rollouts if rollout.verdict is not None]
    assert len(verdicts) == 32
    assert {verdict.status for verdict in verdicts} == {"pass", "fail"}
    assert all(verdict.isolation for verdict in verdicts)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    [first, second] = [row["values"] for row in rows if row["stage"] == "grpo"]
    passed = sum(
        rollout.verdict is not None and rollout.verdict.status == "pass" for rollout in rollouts if rollout.step == 0
    )
    assert first["rollouts/tests_passed"] == pytest.approx(passed / 16)
    assert first["reward"] == pytest.approx(
        sum(first[f"rewards/{part}"] for part in ("compile", "tests", "lints", "documentation"))
    )
    assert second["rollouts/logprob_mismatch"] < 1e-5
    answered: dict[str, list[bool]] = {}
    for verdict in verdicts:
        answered.setdefault(verdict.task_id, []).append(verdict.status == "pass")
    tasks = read_tasks(folder / "tasks" / "train.jsonl")
    rates = {tasks[index].id: rate for index, rate in known_rates(tasks, folder / "grpo").items()}
    assert rates == {name: sum(passes) / len(passes) for name, passes in answered.items()}
    again = [Rollout.from_json(line) for line in (folder / "merging" / "rollouts.jsonl").read_text().splitlines()]
    assert {rollout.completion.task_id for rollout in again} < {rollout.completion.task_id for rollout in rollouts}
    metadata = json.loads((folder / "grpo" / "training_metadata.json").read_text())
    assert "_GRPO_" in metadata["model_info"]["model_name"]
    assert (folder / "grpo" / "tensorboard").is_dir()
    replayed = replay_rewards(folder / "grpo" / "rollouts.jsonl", RewardReplayConfig(shapes=("dense",)))
    assert replayed["samples"] == 32
    assert len((folder / "measure" / "verdicts.jsonl").read_text().splitlines()) == 4


def task(name: str, *, tested: bool = True) -> Task:
    tests = ValueTests(cases=(ValueCase(call="f()", type="i64", expected="1"),)) if tested else None
    return Task(id=name, family="f", prompt=({"role": "user", "content": f"Write {name}."},), tests=tests)


def test_untested_or_held_out_tasks_are_refused_for_grpo() -> None:
    check_tasks([task("a")], [task("b")])
    with pytest.raises(DataError, match="task a has no hidden tests"):
        check_tasks([task("a", tested=False)], [])
    with pytest.raises(GateError, match="training task a is among the held-out tasks"):
        check_tasks([task("a")], [task("a").model_copy(update={"id": "other"})])


def test_vllm_is_asked_for_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="the package vllm is not installed"):
        run_recipe(recipe(tmp_path / "runs", GRPO | {"vllm": {"vllm_mode": "colocate"}}))
    assert not (tmp_path / "runs").exists()
