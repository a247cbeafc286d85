"""An SFT stage mixes references of training tasks into its sources, in the share that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from burnish.config.load import load_config
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.errors import ConfigError
from burnish.ledger.run_folder import RunFolder
from burnish.records import Example
from burnish.records.files import write_records
from burnish.records.layout import TRAIN
from burnish.workflows.rows.prepare import training_examples
from burnish.workflows.run.context import Run

TASKS = build_rust_tasks(train=12, held_out=1, cases=2, seed=0)[0]


def recipe_with(folder: Path, *, sources: int = 6, seed: int = 0, **sft: Any) -> Recipe:
    lines = (json.dumps({"prompt": f"p{place}", "completion": "c"}) for place in range(sources))
    (folder / "rows.jsonl").write_text("".join(line + "\n" for line in lines))
    stages = [{"kind": "tasks", "name": "tasks"}, {"kind": "sft", "name": "sft", **sft}]
    data = {"sources": [str(folder / "rows.jsonl")] if sources else [], "tasks": {"kind": "rust", "train": 12}}
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump({"name": "x", "seed": seed, "data": data, "stages": stages}))
    return load_config(Recipe, file)


def trained_on(folder: Path, **settings: Any) -> list[Example]:
    recipe = recipe_with(folder, **settings)
    run = Run(recipe, RunFolder(folder, "id"), {}, None)
    (folder / "tasks").mkdir(exist_ok=True)
    write_records(folder / "tasks" / TRAIN, TASKS)
    stage = run.adapter_stage("sft")
    assert isinstance(stage, SftStage)
    return training_examples(run, stage, folder)


def answers(rows: list[Example]) -> list[str]:
    known = {task.id for task in TASKS}
    return [row.id for row in rows if row.id in known]


def test_the_share_is_of_all_rows(tmp_path: Path) -> None:
    rows = trained_on(tmp_path, mix_references=0.4)
    assert (len(rows), len(answers(rows))) == (10, 4)
    assert trained_on(tmp_path, mix_references=0.4) == rows
    assert answers(trained_on(tmp_path, mix_references=0.4, seed=1)) != answers(rows)


def test_no_more_references_are_taken_than_there_are(tmp_path: Path) -> None:
    assert len(answers(trained_on(tmp_path, mix_references=0.9))) == 12
    assert answers(trained_on(tmp_path)) == []


@pytest.mark.parametrize(
    "settings", [{"sources": 0, "mix_references": 0.5}, {"mix_references": 0.5, "streaming": True, "max_steps": 1}]
)
def test_references_alone_and_streams_mix_nothing(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mixes references"):
        recipe_with(tmp_path, **settings)


def test_a_stage_that_mixes_depends_on_the_training_tasks(tmp_path: Path) -> None:
    recipe = recipe_with(tmp_path, mix_references=0.5)
    assert recipe.stages[1].needs(recipe.data).tasks == ("train",)
    assert recipe_with(tmp_path).stages[1].needs(recipe.data).tasks == ()
