"""Expert iteration through recipes: its files, what it leaves, what goes on, what is refused."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from burnish.config.reward import RewardReplayConfig, SparseReward
from burnish.config.stages.recipe import Recipe
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.errors import ConfigError, DataError
from burnish.fsio import read_lines
from burnish.ledger.metrics import MetricRow, read_metrics
from burnish.records import Example, Message, Task, ValueCase, ValueTests
from burnish.records.files import read_records, read_rows, write_records
from burnish.workflows.expert_iteration.stage import set_aside
from burnish.workflows.recipe import extend_training, run_recipe
from burnish.workflows.rewards.replay import replay_rewards
from tests.workflows.expert_iteration.expert_recipe import expert_recipe


def recipe(runs: Path, *more: dict[str, Any], **stage: Any) -> Recipe:
    return Recipe.model_validate_json(json.dumps(expert_recipe(runs, *more, **stage)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recipe]:
    """A run of two rounds that measures, mixes references in, and is followed by DPO on what it sampled."""
    dpo = {
        "kind": "preference",
        "name": "dpo",
        "rollouts": "expert",
        "max_steps": 1,
        "effective_batch": 2,
        "micro_batch": 2,
        "max_length": 256,
    }
    made = recipe(
        tmp_path_factory.mktemp("expert") / "runs",
        dpo,
        sampling={"samples": 4, "temperature": 1.0, "max_new_tokens": 80, "batch_size": 8},
        validation=2,
        result="best",
        mix_references=0.25,
        draw="by_pass_rate",
        selection={"weights": "reward"},
    )
    return run_recipe(made), made


def rows(file: Path) -> list[dict[str, Any]]:
    return list(read_rows(file))


def test_a_round_writes_its_files(finished: tuple[Path, Recipe]) -> None:
    folder = finished[0] / "expert/round_1"
    metadata = json.loads((folder / "metadata.json").read_text())
    instructions, code = rows(folder / "instruction_data.jsonl"), rows(folder / "code_only.jsonl")
    assert metadata["num_samples"] == len(instructions) == len(code) == metadata["selection"]["kept"] > 0
    assert set(metadata) >= {"num_samples", "seed", "generated_at", "has_weights", "quality_stats"}
    assert metadata["has_weights"]
    assert metadata["quality_stats"]["weighted_samples"] == len(code)
    first = instructions[0]
    prompt = first["messages"][0]["content"]
    assert first["text"] == f"{prompt}\n\n```rust\n{code[0]['text'].strip()}\n```"
    assert 0 < first["weight"] <= 1
    verdicts = rows(folder / "verdicts.jsonl")
    passed = {verdict["task_id"] for verdict in verdicts if verdict["status"] == "pass"}
    assert len(verdicts) == len(rows(folder / "scores.jsonl")) == 24
    trained = list(read_records(Example, folder / "rows.jsonl"))
    own = [one for one in trained if one.source == "expert"]
    assert {one.id.partition("#")[0] for one in own} == passed
    assert sum(one.source == "reference" for one in trained) == round(len(own) / 3)
    later = list(read_records(Example, finished[0] / "expert/round_2/rows.jsonl"))
    assert {one.id for one in own} <= {one.id for one in later}, "earlier rounds stay"


def test_numbers_of_a_round_are_logged_on_one_axis_of_steps(finished: tuple[Path, Recipe]) -> None:
    logged = [row for row in read_metrics(finished[0] / "metrics.jsonl") if row.stage == "expert"]
    assert [row.step for row in logged] == [0, 1, 2, 3, 4]

    def of(step: int) -> MetricRow:
        return next(row for row in logged if row.step == step)

    for step, number in ((0, 1), (2, 2)):
        values = of(step).values
        assert values["round"] == number
        assert values["n"] == 24
        assert 0 <= values["tests_passed"] <= values["compile_rate"] <= 1
        parts = sum(value for name, value in values.items() if name.startswith("reward_"))
        assert values["reward"] == pytest.approx(parts)
        assert {"generate_s", "verify_s", "verify_wait_s", "kept", "tasks_solved", "tasks_mixed"} <= set(values)
    assert "update_s" in of(2).values
    assert "update_s" in of(4).values
    assert "loss" in of(3).values
    assert all("validation_tests_passed" in of(step).values for step in (0, 2, 4))


def test_the_result_is_the_best_round_and_preferences_come_from_its_answers(finished: tuple[Path, Recipe]) -> None:
    folder = finished[0]
    done = json.loads((folder / "expert/done.json").read_text())
    scores = [
        json.loads((folder / f"expert/round_{n}/round.json").read_text())["metrics"]["validation_tests_passed"]
        for n in (1, 2)
    ]
    best = 1 if scores[0] >= scores[1] else 2
    assert done["metrics"]["round"] == best
    weights = "adapter/adapter_model.safetensors"
    assert (folder / "expert" / weights).read_bytes() == (folder / f"expert/round_{best}" / weights).read_bytes()
    answers: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for n in (1, 2):
        verdicts, completions = (
            {(row["task_id"], row["sample_index"]): row for row in rows(folder / f"expert/round_{n}/{name}.jsonl")}
            for name in ("verdicts", "completions")
        )
        assert verdicts.keys() == completions.keys()
        for key, one in completions.items():
            answers[verdicts[key]["status"]].add((one["task_id"], one["text"]))
    pairs = rows(folder / "dpo/pairs.jsonl")
    assert pairs
    assert {(pair["task_id"], pair["chosen"]) for pair in pairs} <= answers["pass"]
    assert {(pair["task_id"], pair["rejected"]) for pair in pairs} <= answers["fail"]
    assert (folder / "dpo" / weights).is_file()


def test_its_rollouts_are_replayed_and_what_was_set_aside_is_not(finished: tuple[Path, Recipe]) -> None:
    report = replay_rewards(finished[0], RewardReplayConfig(shapes=(SparseReward(),)))
    assert report["samples"] == 48
    assert report["judged"]["verified_again"] == 0
    assert report["shapes"][0]["groups"] == 12
    assert replay_rewards(finished[0] / "expert", RewardReplayConfig(shapes=(SparseReward(),)))["samples"] == 48


def test_a_finished_stage_is_kept_and_goes_on_with_more_rounds(finished: tuple[Path, Recipe]) -> None:
    folder, made = finished
    first = (folder / "expert/round_1/round.json").read_bytes()
    completions = (folder / "expert/round_2/completions.jsonl").read_bytes()
    tasks, expert, _ = made.stages
    stages = (tasks, expert.model_copy(update={"rounds": 3}))
    run_recipe(made.model_copy(update={"stages": stages}), resume=True)
    assert (folder / "expert/round_3/round.json").is_file()
    assert (folder / "expert/round_1/round.json").read_bytes() == first
    assert (folder / "expert/round_2/completions.jsonl").read_bytes() == completions


def test_whole_weights_restart_each_round_on_tasks_of_files(tmp_path: Path) -> None:
    train, held_out = build_rust_tasks(train=6, held_out=1, cases=4, seed=0)
    write_records(tmp_path / "train.jsonl", train)
    write_records(tmp_path / "held_out.jsonl", held_out)
    made = recipe(
        tmp_path,
        tasks={"kind": "file", "path": str(tmp_path / "held_out.jsonl"), "train": str(tmp_path / "train.jsonl")},
        adapter={"kind": "full"},
        train_from="start",
        keep_rounds=False,
        max_steps=1,
        prompts=4,
        learning_rate=1e-4,
    )
    folder = run_recipe(made) / "expert"
    assert (folder / "model/model.safetensors").read_bytes() == (
        folder / "round_2/model/model.safetensors"
    ).read_bytes()
    first, second = (
        json.loads(next(read_lines(folder / f"round_{n}/completions.jsonl")))["model_digest"] for n in (1, 2)
    )
    asked = {row["task_id"] for n in (1, 2) for row in rows(folder / f"round_{n}/completions.jsonl")}
    assert asked == {task.id for task in train}, "four of six, then the other two and two again"
    assert first != second, "a round samples with the weights of the one before"


def test_failures_of_a_round_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found nothing to learn from"):
        run_recipe(recipe(tmp_path / "none", sampling={"samples": 1, "max_new_tokens": 1}, prompts=2))
    with pytest.raises(ConfigError, match="leaves no training tasks"):
        run_recipe(recipe(tmp_path / "aside", validation=16))
    with pytest.raises(ConfigError, match="several trainings"):
        extend_training(recipe(tmp_path), 5, 0)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ({"result": "best"}, "set validation"),
        ({"extra_steps": 3}, "raise rounds"),
        ({"adapter": {"kind": "pissa"}}, "cannot be continued"),
        ({"sampling": {"temperature": 0}}, "greater than 0"),
        ({"start_from": "nowhere"}, "which is no earlier expert_iteration or grpo or merge"),
    ],
)
def test_impossible_expert_settings_are_refused(tmp_path: Path, stage: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        recipe(tmp_path, **stage)


def test_preferences_need_rows_or_a_stage_that_sampled(tmp_path: Path) -> None:
    both = {"kind": "preference", "name": "dpo", "rollouts": "expert", "rows": "x.jsonl"}
    with pytest.raises(ValueError, match="either rows"):
        recipe(tmp_path, both)
    with pytest.raises(ValueError, match="rollouts is 'tasks', which is no earlier expert_iteration or grpo stage"):
        recipe(tmp_path, {"kind": "preference", "name": "dpo", "rollouts": "tasks"})


def test_tasks_are_set_aside_by_family() -> None:
    case = ValueTests(cases=(ValueCase(call="f()", type="i64", expected="1"),))
    tasks = [
        Task(id=f"t{n}", family=f"f{n % 5}", prompt=(Message(role="user", content=f"{n}"),), tests=case)
        for n in range(20)
    ]
    aside = set_aside(tasks, 6, 0)
    assert len(aside) == 6
    assert len({task.family for task in aside}) == 2
    assert aside == set_aside(list(reversed(tasks)), 6, 0)
    assert set_aside(tasks, 0, 0) == ()
