"""Preference stages in a recipe: trained after the gates, merged, kept; broken sets stop at their gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError, DataError, GateError, UserError
from burnish.workflows.recipe import last_training_stage, run_recipe
from tests.tiny_models import make_tiny_model

Row = dict[str, Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def pairs(count: int = 12) -> list[Row]:
    return [
        {"prompt": f"Write f{n}.", "chosen": f"fn f{n}() {{}}", "rejected": f"def f{n}(): pass"} for n in range(count)
    ]


def recipe(base: Path, tmp_path: Path, rows: list[Row], *, more: list[Row] | None = None, **settings: Any) -> Recipe:
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stage = {
        "kind": "preference",
        "name": "dpo",
        "rows": str(file),
        "max_steps": 2,
        "effective_batch": 4,
        "log_every": 1,
    }
    stage |= {"micro_batch": 4, "max_length": 128, **settings.pop("stage", {})}
    said = {
        "name": "run",
        "runs_dir": str(tmp_path / "runs"),
        "model": {"base": str(base), "device": "cpu"},
        "stages": [*settings.pop("stages", ()), stage, *(more or ())],
        **settings,
    }
    return Recipe.model_validate_json(json.dumps(said))


def test_a_preference_stage_trains_and_its_adapter_merges(base: Path, tmp_path: Path) -> None:
    made = recipe(base, tmp_path, pairs(), more=[{"kind": "merge", "name": "merged", "adapter": "dpo"}])
    assert last_training_stage(made) == made.stages[:1]
    folder = run_recipe(made)
    metadata = json.loads((folder / "dpo" / "training_metadata.json").read_text())
    assert (
        metadata["model_info"]["model_name"].startswith("base0_pairs_DPO_LoRa16")
        or "_DPO_" in (metadata["model_info"]["model_name"])
    )
    assert (folder / "merged" / "model" / "model.safetensors").is_file()
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert any("rewards/margins" in json.dumps(row) for row in rows)
    before = (folder / "dpo" / "done.json").read_bytes()
    run_recipe(made)
    assert (folder / "dpo" / "done.json").read_bytes() == before, "unchanged, so kept"


def test_kto_trains_on_a_merged_model(base: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"Write f{n}.", "completion": f"f{n}", "label": n % 2 == 0} for n in range(12)]
    first = {"kind": "preference", "name": "first", "rows": str(tmp_path / "first.jsonl"), "max_steps": 1}
    (tmp_path / "first.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs()))
    stages = [
        first | {"effective_batch": 4, "micro_batch": 4, "max_length": 128},
        {"kind": "merge", "name": "m", "adapter": "first"},
    ]
    made = recipe(base, tmp_path, rows, stages=stages, stage={"start_from": "m", "method": {"kind": "kto"}})
    folder = run_recipe(made)
    assert (folder / "dpo" / "adapter" / "adapter_model.safetensors").is_file()


def refused(made: Recipe, error: type[UserError], message: str) -> None:
    with pytest.raises(error, match=message):
        run_recipe(made)
    assert not list(made.runs_dir.rglob("adapter"))


def test_broken_preference_sets_stop_at_their_gate(base: Path, tmp_path: Path) -> None:
    same = [*pairs(), {"prompt": "p", "chosen": "a", "rejected": "a"}]
    refused(recipe(base, tmp_path, same, name="same"), GateError, "pairs.jsonl:13 has the same answer as chosen and as")
    long = [*pairs(), {"prompt": "p", "chosen": "a " * 200, "rejected": "a"}]
    refused(
        recipe(base, tmp_path, long, name="long"), GateError, r"pairs.jsonl:13 \(chosen\) has \d+ tokens, more than"
    )
    refused(recipe(base, tmp_path, [{"prompt": "p"}], name="bad"), DataError, "pairs.jsonl:1: the row has no 'chosen'")
    cut = recipe(base, tmp_path, pairs(), name="cut", data={"chat": {"truncate": "left"}})
    refused(cut, ConfigError, "compares whole answers")


def test_pairs_of_held_out_tasks_are_refused(base: Path, tmp_path: Path) -> None:
    task = {"id": "held-1", "family": "f", "prompt": [{"role": "user", "content": "Write F3."}], "reference": None}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(task) + "\n")
    tasks = {"kind": "file", "path": str(tmp_path / "tasks.jsonl")}
    made = recipe(base, tmp_path, pairs(), stages=[{"kind": "tasks", "name": "tasks"}], data={"tasks": tasks})
    refused(made, GateError, "contains the prompt of the held-out task held-1")


def test_a_start_that_is_not_a_model_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="start_from is 'nowhere', which is no earlier merge or pretrain stage"):
        recipe(base, tmp_path, pairs(), stage={"start_from": "nowhere"})


def test_rows_are_held_out_by_prompt_and_measured(base: Path, tmp_path: Path) -> None:
    evaluation = {"every": 1, "rows": 3, "best": "rewards/accuracies"}
    twice = [*pairs(), *({**row, "rejected": "fn main() {}"} for row in pairs())]
    folder = run_recipe(recipe(base, tmp_path, twice, stage={"evaluation": evaluation}))
    rows = [json.loads(line)["values"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert all({"eval_loss", "eval_rewards/margins", "eval_rewards/accuracies"} <= row.keys() for row in rows)
    shares = [row["eval_rewards/accuracies"] * 4 for row in rows]
    assert all(share == round(share) for share in shares), "two prompts of two pairs each"


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (
            {"method": {"kind": "kto"}, "evaluation": {"rows": 4, "best": "rewards/accuracies"}},
            "it has rewards/margins",
        ),
        ({"evaluation": {"prompts": 4, "best": "rewards/margins"}}, "not measured: set rows"),
        ({"evaluation": {"prompts": 4}}, "needs a task set"),
    ],
)
def test_an_unmeasured_metric_cannot_select_a_preference_checkpoint(
    base: Path, tmp_path: Path, stage: Row, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        recipe(base, tmp_path, pairs(), stage=stage)
