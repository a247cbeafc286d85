"""The benchmark of answers runs; how fast they come is for the benchmark to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import generate


def test_three_ways_write_the_same_and_give_two_goals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROUNDS", 1)
    monkeypatch.setattr(generate, "MAX_NEW_TOKENS", 8)
    generate.main(["--prompts", "6", "--batch", "4", "--alone", "2", "--json", str(tmp_path / "goals.json")])
    goals = {goal["name"]: goal["value"] for goal in json.loads((tmp_path / "goals.json").read_text())["goals"]}
    assert set(goals) == {"speed_vs_one_by_one", "speed_vs_fixed_batches"}
    assert all(value > 0 for value in goals.values())
    assert "differ from those in fixed batches: 0 of 6" in capsys.readouterr().out
