"""One small run, watched: what lies in its folder afterwards, and that it says the same as an evaluation of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

from burnish.config.data.training_data import DataConfig
from burnish.config.load import load_config
from burnish.config.stages.recipe import Recipe
from burnish.ledger.metrics import read_metrics
from burnish.model.naming import parse_model_name
from burnish.records import Verdict
from burnish.records.files import read_rows
from burnish.records.layout import RESOLVED
from burnish.workflows.recipe import run_recipe
from burnish.workflows.train.dataset_name import dataset_name, own_name
from burnish.workflows.train.job import first_base

SAMPLING = {"max_new_tokens": 40, "temperature": 0.7, "batch_size": 4}


def recipe(folder: Path, **more: Any) -> Recipe:
    evaluation = {"every": 2, "rows": 4, "prompts": 3, "sampling": SAMPLING}
    sft = {
        "kind": "sft",
        "name": "sft",
        "max_steps": 4,
        "log_every": 2,
        "save_every": 2,
        "effective_batch": 4,
        "micro_batch": 4,
        "evaluation": evaluation,
    }
    return Recipe.model_validate(
        {
            "name": "watched",
            "runs_dir": folder,
            "model": {"base": "nano", "device": "cpu"},
            "data": {"tasks": {"kind": "rust", "train": 24, "held_out": 5, "cases": 4}},
            "stages": [
                {"kind": "tasks", "name": "tasks"},
                sft,
                {"kind": "evaluate", "name": "measure", "model": "sft", "limit": 3, "sampling": SAMPLING},
            ],
            **more,
        }
    )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_recipe(recipe(tmp_path_factory.mktemp("runs")))


def test_a_training_measures_itself_as_burnish_evaluate_would(watched: Path) -> None:
    rows = read_metrics(watched / "metrics.jsonl")
    last = next(row for row in rows if row.stage == "sft" and row.step == 4)
    alone = next(row for row in rows if row.stage == "measure")
    assert {name: last.values[f"eval_{name}"] for name in alone.values} == alone.values
    answers = [
        {row["task_id"]: row["text"] for row in read_rows(watched / folder / "completions.jsonl")}
        for folder in ("sft/evaluations/step-4", "measure")
    ]
    assert answers[0] == answers[1]
    verdicts = (watched / "sft" / "evaluations" / "step-2" / "verdicts.jsonl").read_text().splitlines()
    assert len([Verdict.from_json(line) for line in verdicts]) == 3
    assert 0 < last.values["eval_loss"] < 20


def test_the_metadata_states_what_was_trained(watched: Path) -> None:
    metadata = json.loads((watched / "sft" / "training_metadata.json").read_text())
    info, stats = metadata["model_info"], metadata["training_stats"]
    name = parse_model_name(info["model_name"])
    assert (name.base, name.dataset, name.finetuning, name.adapter) == ("nano", "rusttasks", "SFT", "LoRa")
    assert name.rank == metadata["peft_config"]["r"]
    assert info["quantization_tag"] == "NoQuant"
    assert info["has_quantization"] is False
    assert 0 < info["trainable_params"] < info["total_params"]
    assert stats["total_steps"] == stats["planned_steps"] == 4
    assert stats["last_attempt"]["trained_tokens"] > 0
    assert metadata["training_parameters"]["stage"]["effective_batch"] == 4
    assert metadata["training_parameters"]["merge_after_train"] is False
    assert {"base model", "chat template", "code of burnish"} <= metadata["digests"].keys()
    assert metadata["hardware_info"]["device"] == "cpu"
    assert "null" not in (watched / "sft" / "training_metadata.json").read_text()


def test_tensorboard_shows_what_the_metrics_hold(watched: Path) -> None:
    curves: Any = EventAccumulator(str(watched / "sft" / "tensorboard"))
    curves.Reload()
    assert {"train/loss", "train/mfu", "train/trained_tokens_per_s", "eval/loss", "eval/compile_rate"} <= set(
        curves.Tags()["scalars"]
    )
    assert [point.step for point in curves.Scalars("eval/loss")] == [2, 4]


def test_the_events_say_where_training_begins_and_ends(watched: Path) -> None:
    events = [json.loads(line) for line in (watched / "events.jsonl").read_text().splitlines()]
    begins = next(event for event in events if event["event"] == "training_begins")
    assert (begins["stage"], begins["step"], begins["steps"]) == ("sft", 0, 4)


def test_the_reporter_changes_no_result(watched: Path) -> None:
    done = (watched / "sft" / "done.json").read_text()
    run_recipe(recipe(watched.parent, report_to=[]))
    assert (watched / "sft" / "done.json").read_text() == done


def test_evaluation_by_answers_needs_tasks(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("")
    said = recipe(tmp_path).model_dump(mode="json") | {"data": {"sources": [str(tmp_path / "rows.jsonl")]}}
    said["stages"] = said["stages"][1:2]
    with pytest.raises(ValueError, match="needs a task set"):
        Recipe.model_validate(said)


def test_predicted_memory_is_recorded_with_the_stage(watched: Path) -> None:
    done = json.loads((watched / "sft" / "done.json").read_bytes())
    said = json.loads((watched / "sft" / "training_metadata.json").read_bytes())["predicted_memory"]
    assert done["metrics"]["predicted_peak_bytes"] == said["predicted_peak_bytes"] > said["resident_before_bytes"]
    assert said["tokens_from"] == "the longest row"
    assert "predicted_peak_bytes" not in json.loads((watched / "measure" / "done.json").read_bytes())["metrics"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"path": "gsm8k-built/train.jsonl"}, "gsm8k-built"),
        ({"path": "sets/math/train.jsonl", "name": "mine"}, "mine"),
        ({"path": "sets/code.jsonl"}, "code"),
        ({"path": "train.jsonl"}, "train"),
        ({"path": "sets/arc/train.jsonl.gz"}, "arc"),
    ],
)
def test_a_data_set_bears_its_own_name(source: dict[str, str], name: str) -> None:
    (made,) = DataConfig.model_validate({"sources": [source]}).sources
    assert own_name(made) == name


CORPUS = "{kind: corpus, name: functions, documents: 1}, {kind: pretrain, name: p, corpus: functions}"
CRATES = "{kind: corpus, name: c, documents: 1, crates: src/mycrates}, {kind: pretrain, name: p, corpus: c}"


@pytest.mark.parametrize(
    ("stages", "more", "name"),
    [
        ("{kind: tasks, name: t}, {kind: sft, name: s}", [], "rusttasks"),
        ("{kind: tasks, name: t}, {kind: sft, name: s}", ["data.name=mine"], "mine"),
        ("{kind: tasks, name: t}, {kind: sft, name: s}", ["data.sources=[boolq/train.jsonl]"], "boolq"),
        ("{kind: sft, name: s}", ["data.sources=[a.jsonl, b.jsonl, c.jsonl]"], "a.and2more"),
        (
            "{kind: tasks, name: t}, {kind: sft, name: s}",
            ["data.tasks={kind: file, path: e.jsonl, train: ours/tasks.jsonl}"],
            "ours",
        ),
        ("{kind: tasks, name: t}, {kind: grpo, name: g}", ["data.sources=[a.jsonl]"], "rusttasks"),
        ("{kind: preference, name: p, rows: judged/pairs.jsonl}", [], "judged"),
        (CORPUS, [], "functions"),
        (CRATES, [], "mycrates"),
        ("{kind: pretrain, name: p, tokens: bins/rust}", [], "rust"),
    ],
)
def test_what_a_stage_trains_on_bears_its_own_name(stages: str, more: list[str], name: str) -> None:
    shape = ["stages.p.preset=nano-1M"] if "pretrain" in stages else []
    recipe = load_config(Recipe, None, ["name=x", f"stages=[{stages}]", *shape, *more])
    assert dataset_name(recipe, recipe.stages[-1]) == name


def test_the_base_of_a_runs_model_is_the_first_one(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    for stage in ("sft", "merge"):
        (run / stage / "model").mkdir(parents=True)
    (run / RESOLVED).write_text(json.dumps({"recipe": {"model": {"base": "bases/Qwen3-8B"}}}))
    (run / "sft" / "training_metadata.json").write_text(json.dumps({"model_info": {"base_model": "Llama-3"}}))
    assert first_base(str(run / "sft" / "model")) == "Llama-3"
    assert first_base(str(run / "merge" / "model")) == "Qwen3-8B"
    assert first_base("bases/Qwen3-8B") == "Qwen3-8B"
    assert first_base("nano") == "nano"
