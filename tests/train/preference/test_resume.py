"""N + M steps of preference tuning equal N, `kill -9`, M in a new process: weights and losses bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_models import make_tiny_model
from tests.train.small_preference import run_small_preference
from tests.train.training_programs import run_as_program


def logged(out: Path) -> dict[int, list[float | None]]:
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return {row["step"]: [row["loss"], row["grad_norm"], row.get("rewards/margins")] for row in rows}


@pytest.mark.parametrize(
    "options", [{}, {"method": {"kind": "kto"}, "adapter": {"kind": "pissa", "r": 4}}], ids=["dpo", "kto-pissa"]
)
def test_a_training_killed_and_resumed_equals_the_unbroken_run(tmp_path: Path, options: dict[str, Any]) -> None:
    base = make_tiny_model(tmp_path / "base")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run_small_preference(base, whole, max_steps=7, **options)
    killed = run_as_program("small_preference", base, broken, max_steps=7, kill_at=5, **options)
    assert killed.returncode == -9, killed.stderr
    assert not (broken / "adapter").exists()
    resumed = run_as_program("small_preference", base, broken, max_steps=7, **options)
    assert resumed.returncode == 0, resumed.stderr
    steps = [json.loads(line)["step"] for line in (broken / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, 4, 5, 6, 7]
    assert logged(broken) == logged(whole)
    one, other = (out / "adapter" / "adapter_model.safetensors" for out in (whole, broken))
    assert one.read_bytes() == other.read_bytes()
