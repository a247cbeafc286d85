"""N + M steps equal N, `kill -9`, M in a new process, bit for bit: pretraining on a corpus, pretraining and fine-tuning
on a streamed mixture of sources, packed fine-tuning; all in one recipe that dies once in every stage.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from burnish.config.stages.recipe import Recipe
from burnish.ledger.metrics import read_metrics
from burnish.workflows.recipe import run_recipe
from tests.train.training_programs import ROOT, Ended, environment
from tests.warm_process import run_warm

TRAINING = {"effective_batch": 4, "micro_batch": 2, "max_steps": 7, "save_every": 3, "log_every": 1}
STREAMED = {"streaming": True, **TRAINING}
SHAPE = {"hidden_size": 32, "layers": 2, "heads": 2, "intermediate_size": 64, "vocabulary": 320, "block_size": 128}
ADAPTER = {"kind": "lora", "r": 4, "dropout": 0.1}
WEIGHTS = {
    "old": "model/model.safetensors",
    "new": "model/model.safetensors",
    "streamed": "adapter/adapter_model.safetensors",
    "packed": "adapter/adapter_model.safetensors",
}
"""What each training stage leaves."""


def write_recipe(folder: Path) -> Path:
    """A recipe in a folder of its own; the sources are small enough to come round several times."""
    folder.mkdir()
    sources = []
    for name, count in (("one", 9), ("two", 14)):
        rows = [{"prompt": f"{name} {n}?", "completion": f"fn f{n}() {{}}" + " " * (n % 5) + ";"} for n in range(count)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        sources.append({"kind": "jsonl", "path": str(folder / f"{name}.jsonl"), "name": name})
    weighted = {"mode": "weighted", "weights": {"one": 1.0, "two": 3.0}, "shuffle": "window", "window": 5}
    stages: list[dict[str, Any]] = [
        {"kind": "corpus", "name": "corpus", "documents": 60},
        {"kind": "pretrain", "name": "old", "corpus": "corpus", **SHAPE, **TRAINING},
        {"kind": "pretrain", "name": "new", "start_from": "old", "optimizer": "adamw", "block_size": 64, **STREAMED},
        {"kind": "sft", "name": "streamed", "start_from": "new", "packing": True, "adapter": ADAPTER, **STREAMED},
        {"kind": "sft", "name": "packed", "start_from": "new", "packing": True, "adapter": ADAPTER, **TRAINING},
    ]
    for stage in stages[3:]:
        stage["max_length"] = 128
    recipe = {
        "name": "run",
        "runs_dir": str(folder / "runs"),
        "report_to": [],
        "model": {"device": "cpu"},
        "data": {"sources": sources, "mixture": weighted},
        "stages": stages,
    }
    (folder / "recipe.json").write_text(json.dumps(recipe))
    return folder / "recipe.json"


def as_program(recipe: Path, stage: str, step: int) -> Ended:
    program = ["-m", "tests.train.kill_at_step", str(recipe), stage, str(step)]
    return run_warm(program, ROOT, environment())


def losses(run: Path, stage: str) -> dict[int, tuple[float, float]]:
    """By step, the last time it was taken."""
    rows = [row for row in read_metrics(run / "metrics.jsonl") if row.stage == stage and "loss" in row.values]
    return {row.step: (row.values["loss"], row.values["grad_norm"]) for row in rows}


def test_a_recipe_killed_in_every_stage_equals_the_unbroken_run(tmp_path: Path) -> None:
    whole, broken = write_recipe(tmp_path / "whole"), write_recipe(tmp_path / "broken")
    unbroken = run_recipe(Recipe.model_validate_json(whole.read_bytes()))
    for stage in WEIGHTS:
        killed = as_program(broken, stage, 5)
        assert killed.returncode == -9, killed.stderr
        assert not (broken.parent / "runs" / "run" / stage / "done.json").exists()
    resumed = as_program(broken, "", 0)
    assert resumed.returncode == 0, resumed.stderr
    run = broken.parent / "runs" / "run"
    for stage, file in WEIGHTS.items():
        assert losses(run, stage).keys() == set(range(1, 8))
        assert losses(run, stage) == losses(unbroken, stage), stage
        one, other = load_file(unbroken / stage / file), load_file(run / stage / file)
        assert all(one[name].equal(other[name]) for name in one), stage
        lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
        steps = [line["step"] for line in lines if line["stage"] == stage]
        assert steps == [1, 2, 3, 4, 5, 4, 5, 6, 7], "it went on from the checkpoint of step 3"
