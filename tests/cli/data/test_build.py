"""``burnish data build`` as a user says it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from burnish.cli.app import app
from burnish.cli.data.build import Builder
from burnish.workflows.build.datasets import QUESTIONS
from tests.data.builders.published_rows import GSM8K_ROW, write_rows


def build(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["data", "build", *arguments])
    return done.exit_code, done.output


def test_rust_tasks_by_number_and_seed(tmp_path: Path) -> None:
    small = ("--set", "tasks.held_out=3", "--set", "tasks.cases=1", "--set", "prove=false")
    code, said = build("rust-tasks", "--n", "5", "--seed", "4", "--set", f"out={tmp_path / 'out'}", *small)
    first, *kinds = said.splitlines()
    assert (code, first) == (0, f"5 training and 3 held-out tasks in {tmp_path / 'out'}")
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert [line.split()[0] for line in kinds] == list(meta["kinds"])
    assert sum(kind["train"] for kind in meta["kinds"].values()) == 5
    settings = json.loads((tmp_path / "out/meta.json").read_text())["settings"]
    assert (settings["seed"], settings["tasks"]["train"]) == (4, 5)


def test_kinds_without_training_tasks_are_marked(tmp_path: Path) -> None:
    settings = (
        "tasks.difficulty=advanced",
        "tasks.held_out=60",
        "tasks.cases=1",
        "prove=false",
        f"out={tmp_path / 'out'}",
    )
    code, said = build("rust-tasks", "--n", "60", *(word for setting in settings for word in ("--set", setting)))
    marked = [line.split()[0] for line in said.splitlines() if line.endswith("(none to train on)")]
    assert code == 0
    assert {"unseen-formats", "unseen-generics"} <= set(marked)
    assert "level 3" in said
    assert "level 4" in said


def test_building_questions_reports_what_was_left_out(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [GSM8K_ROW, GSM8K_ROW])
    code, said = build("gsm8k", "--set", f"train={rows}", "--set", f"out={tmp_path / 'out'}")
    assert code == 0
    assert said.splitlines() == [
        f"1 training row and 0 held-out tasks in {tmp_path / 'out'}", "left out: 1 asked twice"
    ]  # fmt: skip


def test_an_option_that_a_builder_ignores_is_refused(tmp_path: Path) -> None:
    code, said = build("movielens", "--n", "5", "--set", f"source={tmp_path}", "--set", f"out={tmp_path / 'out'}")
    assert code == 2
    assert "--n applies to rust-tasks only" in said


def test_every_data_set_of_questions_can_be_named() -> None:
    others = {"rust-tasks", "movielens", "tokens", "preferences", "repairs"}
    assert set(QUESTIONS) == {one.value for one in Builder} - others
