"""Killed in the middle of a round of expert iteration, the same command samples the same and trains the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from burnish.fsio import digest_folder, read_lines
from burnish.records.files import read_rows
from tests.e2e.run_program import PROGRAM, burnish
from tests.workflows.expert_iteration.expert_recipe import expert_recipe

TIMES = {"seconds", "cpu_ms", "cached"}
FILES = ("completions.jsonl", "rows.jsonl", "scores.jsonl", "instruction_data.jsonl", "code_only.jsonl")


def recipe_in(folder: Path) -> Path:
    folder.mkdir()
    path = folder / "recipe.json"
    path.write_text(json.dumps(expert_recipe(folder / "runs")))
    return path


def started(recipe: Path, *kill: str, warm: bool = True) -> subprocess.CompletedProcess[str]:
    """Train, and be killed where ``kill`` says it: a text that a path holds, and a number."""
    program = ("-m", "tests.e2e.kill_at_file") if kill else PROGRAM
    return burnish([*kill, "train", str(recipe)], recipe.parent, program=program, warm=warm)


def rows_of(file: Path) -> list[dict[str, Any]]:
    rows = list(read_rows(file))
    if file.name == "completions.jsonl":  # in the order of finishing, which an interruption changes
        rows.sort(key=lambda row: (row["task_id"], row["sample_index"]))
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def test_a_killed_round_equals_an_unbroken_one(tmp_path: Path) -> None:
    whole, broken = recipe_in(tmp_path / "whole"), recipe_in(tmp_path / "broken")
    done = started(whole, warm=False)
    assert done.returncode == 0, done.stderr
    there, here = (recipe.parent / "runs/run/expert" for recipe in (whole, broken))
    assert started(broken, "round_1/verdicts.jsonl", "2").returncode == -9
    assert not (here / "round_1/sampled.json").exists(), "killed while sampling"
    assert len(list(read_lines(here / "round_1/completions.jsonl"))) < 12
    assert started(broken, "round_2/checkpoints/checkpoint-2", "1").returncode == -9
    assert (here / "round_2/checkpoints/checkpoint-1/complete.json").is_file(), "killed while training"
    final = started(broken)
    assert final.returncode == 0, final.stderr
    for name in ("round_1", "round_2"):
        for file in FILES:
            assert rows_of(here / name / file) == rows_of(there / name / file), (name, file)
    assert digest_folder(here / "adapter") == digest_folder(there / "adapter")
