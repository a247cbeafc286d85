"""A set that a gate refuses is refused before anything is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.stages.recipe import Recipe
from burnish.errors import GateError
from burnish.workflows.recipe import run_recipe
from tests.tiny_models import make_tiny_model


@pytest.mark.parametrize("kind", ["sft", "preference"])
def test_bad_rows_stop_a_run_before_the_base_is_measured(tmp_path: Path, kind: str) -> None:
    make_tiny_model(tmp_path / "base")
    task = {"id": "held-1", "family": "f", "prompt": [{"role": "user", "content": "Write F3."}], "reference": None}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(task) + "\n")
    rows: list[dict[str, Any]] = [
        {"prompt": f"Write f{n}.", "completion": f"fn f{n}() {{}}"}
        if kind == "sft"
        else {"prompt": f"Write f{n}.", "chosen": f"fn f{n}() {{}}", "rejected": "pass"}
        for n in range(12)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    trains = {"kind": kind, "name": "tuned", "max_steps": 1, "effective_batch": 4, "micro_batch": 4, "max_length": 128}
    said = {
        "name": "run",
        "runs_dir": str(tmp_path / "runs"),
        "model": {"base": str(tmp_path / "base"), "device": "cpu"},
        "data": {
            "tasks": {"kind": "file", "path": str(tmp_path / "tasks.jsonl")},
            "sources": [str(tmp_path / "rows.jsonl")] if kind == "sft" else [],
        },
        "stages": [
            {"kind": "tasks", "name": "tasks"},
            {"kind": "evaluate", "name": "before"},
            trains | ({} if kind == "sft" else {"rows": str(tmp_path / "rows.jsonl")}),
        ],
    }
    with pytest.raises(GateError, match="contains the prompt of the held-out task held-1"):
        run_recipe(Recipe.model_validate_json(json.dumps(said)))
    assert (tmp_path / "runs" / "run" / "tasks" / "done.json").exists()
    assert not (tmp_path / "runs" / "run" / "before").exists()
    assert not (tmp_path / "runs" / "run" / "tuned").exists()
