"""A stage that trains in several processes does what it does in one, and fails as it does in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.stages.optimizer import CONTINUABLE
from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError, GateError, UserError
from burnish.ledger import run_folder
from burnish.ledger.metrics import read_metrics
from burnish.workflows.recipe import run_recipe
from tests.tiny_models import make_tiny_model

NO_DROPOUT = {"kind": "lora", "r": 4, "dropout": 0.0}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def recipe(base: Path, tmp_path: Path, name: str, *, launch: dict[str, Any] | None = None, **stage: Any) -> Recipe:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(
            json.dumps({"prompt": f"Question {number}?", "completion": f"fn f{number}() {{}}" * (1 + number % 3)})
            + "\n"
            for number in range(22)
        )
    )
    sft: dict[str, Any] = {
        **{"kind": "sft", "name": "sft", "max_steps": 6, "effective_batch": 8, "micro_batch": 2, "max_length": 128},
        **{"adapter": NO_DROPOUT, "log_every": 1, "save_every": 2, "learning_rate": 1e-2},
    }
    said = {
        "name": name,
        "runs_dir": str(tmp_path / "runs"),
        "launch": launch or {},
        "model": {"base": str(base), "device": "cpu"},
        "data": {"sources": [{"kind": "jsonl", "path": str(rows)}]},
        "stages": [sft | stage],
    }
    return Recipe.model_validate_json(json.dumps(said))


def values(folder: Path, name: str) -> dict[int, float]:
    return {row.step: row.values[name] for row in read_metrics(folder / "metrics.jsonl") if name in row.values}


def test_two_processes_have_the_losses_of_one(base: Path, tmp_path: Path) -> None:
    evaluation = {"every": 3, "rows": 2, "best": "loss"}
    one = run_recipe(recipe(base, tmp_path, "one", evaluation=evaluation))
    ballast = bytearray(b"x") * 2**30
    two = run_recipe(recipe(base, tmp_path, "two", launch={"processes": 2}, evaluation=evaluation))
    del ballast
    for name in ("loss", "eval_loss", "learning_rate"):
        assert values(two, name) == pytest.approx(values(one, name), abs=1e-5)
    assert len(values(two, "loss")) == 6
    metadata = json.loads((two / "sft" / "training_metadata.json").read_text())
    assert '"processes": 2' in json.dumps(metadata)
    done = [json.loads((folder / "sft" / "done.json").read_text())["metrics"] for folder in (one, two)]
    for metrics in done:
        assert metrics.pop("predicted_peak_bytes") > 0, "on a CPU of the process, and one of them is this test's"
    assert done[0] == done[1]
    peak = json.loads((two / "sft" / "done.json").read_text())["peak_bytes"]
    logged = max(values(two, "peak_memory_bytes").values())
    assert 0.9 * logged < peak < 1.1 * logged, "the memory of a process that trained, not of this one"


def test_an_error_in_one_process_is_reported_as_itself(base: Path, tmp_path: Path) -> None:
    with pytest.raises(GateError):
        run_recipe(recipe(base, tmp_path, "bad", launch={"processes": 2}, max_length=16))


@pytest.mark.parametrize(
    ("launch", "stage", "expected"),
    [
        ({"processes": 3}, {}, "effective_batch 8 is not a multiple of micro_batch 2 x 3 processes"),
        ({"processes": 4}, {"micro_batch": 4}, "effective_batch 8 is not a multiple of micro_batch 4 x 4 .* to 2;"),
        ({}, {"micro_batch": 3}, "micro_batch 3 does not divide effective_batch 8"),
    ],
)
def test_an_impossible_combination_is_said_before_anything_loads(
    tmp_path: Path, launch: dict[str, Any], stage: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        run_recipe(recipe(Path("no-such-model"), tmp_path, "never", launch=launch, **stage))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("schedule", ["linear", "constant"])
def test_extra_steps_continue_after_the_planned_ones(base: Path, tmp_path: Path, schedule: str) -> None:
    """In two extensions after the end, or said from the beginning: the same training."""
    whole = run_recipe(recipe(base, tmp_path, "whole", schedule=schedule, extra_steps=5))
    for extra in (0, 2, 5):
        parts = run_recipe(recipe(base, tmp_path, "parts", schedule=schedule, extra_steps=extra))
        assert max(values(parts, "loss")) == 6 + extra
    assert values(parts, "loss") == values(whole, "loss")
    rates = values(parts, "learning_rate")
    assert [rates[step] for step in range(7, 12)] == [1e-2 if schedule == "constant" else pytest.approx(1e-3)] * 5
    weights = [(folder / "sft" / "adapter" / "adapter_model.safetensors").read_bytes() for folder in (whole, parts)]
    assert weights[0] == weights[1]
    lines = (parts / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 12))
    with pytest.raises(UserError, match="further than the 6 steps") as refused:
        run_recipe(recipe(base, tmp_path, "parts", schedule=schedule))
    assert "stages.NAME.extra_steps" in refused.value.way_out
    again = run_recipe(recipe(base, tmp_path, "parts", schedule=schedule, extra_steps=5))
    assert (again / "sft" / "adapter" / "adapter_model.safetensors").read_bytes() == weights[0]


def test_ledger_and_config_agree_on_what_allows_a_resume() -> None:
    assert run_folder.CONTINUABLE == CONTINUABLE
