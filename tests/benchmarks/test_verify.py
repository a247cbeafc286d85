"""The verifier's benchmark runs whole on a few programs; how fast it is, is for the benchmark to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.trusted_programs import draw_programs
from benchmarks.verify import main


def test_measures_every_way_and_judges_the_goals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--programs", "3", "--tasks", "2", "--samples", "40", "--workers", "2"]
    main([*few, "--json", str(tmp_path / "goals.json")])
    goals = {goal["name"]: goal for goal in json.loads((tmp_path / "goals.json").read_text())["goals"]}
    assert {"check_vs_bare_clippy", "speedup_vs_cargo_pair", "run_vs_plain_rustc", "recompiles_on_rerun"} <= set(goals)
    assert {"batched_values_vs_plain_rustc", "joined_check_vs_bare_clippy", "memory_5000_vs_500"} <= set(goals)
    assert "unshared_check_vs_bare_clippy" in goals
    assert goals["recompiles_on_rerun"]["value"] == 0
    assert all(goal["value"] > 0 for name, goal in goals.items() if name != "recompiles_on_rerun")
    shown = capsys.readouterr().out
    assert "bare clippy-driver" in shown
    assert "cargo check + clippy" in shown


def test_programs_differ_and_a_third_is_spoiled() -> None:
    programs = draw_programs(30)
    assert len({p.code for p in programs}) == 30
    assert sum(not p.good for p in programs) == 10


def test_the_proof_of_equal_verdicts_is_a_command() -> None:
    command = [sys.executable, "-m", "benchmarks.same_verdicts", "--programs", "4"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "4 programs, 0 verdicts differ" in ended.stdout
