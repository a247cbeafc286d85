"""Streamed fine-tuning through a recipe: gates act chunk by chunk, what cannot be resumed is refused, filters count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.stages.recipe import Recipe
from burnish.errors import ConfigError, GateError
from burnish.workflows.recipe import run_recipe
from tests.tiny_models import make_tiny_model

Row = dict[str, Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def rows(count: int = 12) -> list[Row]:
    return [{"prompt": f"Question {number}?", "completion": f"fn f{number}() {{}}"} for number in range(count)]


def train(base: Path, tmp_path: Path, said: list[Row], *, stage: Row | None = None, **data: Any) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in said))
    streamed = {"kind": "sft", "name": "sft", "streaming": True, "max_steps": 3, "log_every": 1, "max_length": 128}
    recipe = {
        "name": "run",
        "runs_dir": str(tmp_path / "runs"),
        "report_to": [],
        "model": {"base": str(base), "device": "cpu"},
        "data": {"sources": [{"kind": "jsonl", "path": str(file)}], **data},
        "stages": [streamed | {"effective_batch": 4, "micro_batch": 2} | (stage or {})],
    }
    return run_recipe(Recipe.model_validate_json(json.dumps(recipe)))


def test_filter_counts_cover_the_rows_read(base: Path, tmp_path: Path) -> None:
    folder = train(base, tmp_path, [*rows(), {"text": "fn"}], filters=[{"kind": "too_short", "characters": 5}])
    assert (folder / "sft" / "adapter" / "adapter_model.safetensors").is_file()
    (dropped,) = (folder / "sft" / "dropped.jsonl").read_text().splitlines()
    assert json.loads(dropped)["reason"] == "too_short"


def test_a_stream_that_is_one_epoch_long_has_the_loss_of_the_rows(base: Path, tmp_path: Path) -> None:
    """All rows in one batch: the order does not matter, so both ways take the same step."""
    whole = {"max_steps": 1, "effective_batch": 12, "micro_batch": 12}
    values = []
    for name, streaming in (("streamed", True), ("read", False)):
        (tmp_path / name).mkdir()
        folder = train(base, tmp_path / name, rows(), stage={**whole, "streaming": streaming})
        line = json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])
        values.append((line["values"]["loss"], line["values"]["grad_norm"]))
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_a_row_that_fails_a_gate_stops_the_stream(base: Path, tmp_path: Path) -> None:
    bad = [*rows(), {"prompt": "Long?", "completion": "x " * 300}]
    with pytest.raises(GateError, match=r"rows.jsonl:13 has \d+ tokens, more than max_length 128"):
        train(base, tmp_path, bad)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"filters": [{"kind": "near_duplicate"}]}, "the filter near_duplicate remembers all earlier rows"),
        ({"mixture": {"shuffle": "full"}}, "reads all rows before the first"),
    ],
)
def test_an_impossible_resume_is_refused(base: Path, tmp_path: Path, data: Row, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train(base, tmp_path, rows(), **data)
