"""The program as a user starts it: help, versions, mistakes, and the verbs that need no model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from burnish import __version__
from burnish.cli.recipes import shipped_names
from burnish.ledger.stage import Done
from burnish.ledger.store import Ledger


def burnish(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program; the terminal is wide and plain."""
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-c", "from burnish.cli import main; main()", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, env=environment)


def assert_mistake(done: subprocess.CompletedProcess[str], cause: str, code: int = 2) -> str:
    """Two lines on stderr and no traceback; returns the way out."""
    assert done.returncode == code, done.stderr
    first, second = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert re.search(cause, first), first
    assert second.startswith("  -> ")
    assert done.stdout == ""
    return second


@pytest.mark.parametrize("verb", ["run", "train", "generate", "verify", "evaluate", "data", "export", "runs", "doctor"])
def test_every_verb_has_help(verb: str) -> None:
    done = burnish(verb, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_the_version_is_the_packages() -> None:
    assert burnish("--version").stdout == f"{__version__}\n"


def test_an_unknown_option_is_a_user_mistake() -> None:
    done = burnish("run", "--sett", "x")
    assert done.returncode == 2
    assert "--sett" in done.stderr


def test_a_recipe_that_is_not_there_names_the_shipped_ones() -> None:
    way_out = assert_mistake(burnish("run", "nix.yaml"), "recipe nix.yaml does not exist")
    assert shipped_names()
    for name in shipped_names():
        assert name in way_out


def test_a_shipped_recipe_is_found_by_its_name_from_anywhere(tmp_path: Path) -> None:
    for name in ("quickstart", "quickstart.yaml", "recipes/quickstart.yaml"):
        done = burnish("run", name, "--set", "sed=1", cwd=tmp_path)
        assert_mistake(done, "--set sed: unknown key 'sed'; did you mean 'seed'?")


def test_a_wrong_key_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("name: x\nstages:\n  - kind: tasks\n    nam: t\n")
    assert_mistake(burnish("train", "r.yaml", cwd=tmp_path), r"^error: r\.yaml:4: stages\.0\.nam: unknown key 'nam'")


def test_training_a_recipe_that_trains_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("name: x\nstages:\n  - kind: tasks\n    name: t\n")
    assert_mistake(burnish("train", "r.yaml", cwd=tmp_path), "recipe 'x' trains nothing")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("verb", [("evaluate",), ("export", "merge"), ("data", "build", "arc")])
def test_verbs_without_a_recipe_name_what_is_missing(verb: tuple[str, ...], tmp_path: Path) -> None:
    assert_mistake(burnish(*verb, cwd=tmp_path), "this key is missing")


def test_answers_to_tasks_need_a_file(tmp_path: Path) -> None:
    assert_mistake(burnish("generate", cwd=tmp_path), "no output file is set for the answers to the tasks")


def test_building_the_same_rust_tasks_again_is_refused(tmp_path: Path) -> None:
    arguments = (
        "data",
        "build",
        "rust-tasks",
        "--set",
        "out=t",
        "--set",
        "tasks.train=30",
        "--set",
        "tasks.held_out=5",
        "--set",
        "prove=false",
    )
    done = burnish(*arguments, cwd=tmp_path)
    assert done.stdout.startswith("30 training and 5 held-out tasks in t\n"), done.stderr
    assert len((tmp_path / "t" / "train.jsonl").read_text().splitlines()) == 30
    assert_mistake(burnish(*arguments, cwd=tmp_path), "already exists")


def test_a_missing_adapter_is_named(tmp_path: Path) -> None:
    done = burnish("export", "merge", "--set", "adapter=none", "--set", "out=o", cwd=tmp_path)
    assert_mistake(done, "adapter folder none does not exist")


def test_runs_are_listed_and_shown(tmp_path: Path) -> None:
    assert_mistake(burnish("runs", "list", cwd=tmp_path), "does not exist")
    with Ledger(tmp_path / "runs" / "ledger.sqlite") as ledger:
        for name in ("one", "two"):
            ledger.open_run(f"id-{name}", name=name, path=tmp_path / "runs" / name, recipe="r", version="1")
        done = Done("f", 12.5, {"adapter": "d" * 64}, {"loss": 0.25}, 3 << 20, 50.0)
        ledger.record_stage("id-one", name="sft", kind="sft", done=done, inputs={"base": "b" * 64})
        ledger.close_run("id-one", "done")
    listed = burnish("runs", "list", cwd=tmp_path).stdout.splitlines()
    assert ["one" in line and "done" in line and "(folder removed)" in line for line in listed] == [True, False]
    shown = burnish("runs", "show", "id-o", cwd=tmp_path).stdout
    for part in (
        "sft (sft)  12.5 s  peak 3 MiB",
        "read  bbbbbbbbbbbb  base",
        "made  dddddddddddd  adapter",
        "loss = 0.25",
    ):
        assert part in shown
    way_out = assert_mistake(burnish("runs", "show", "x", cwd=tmp_path), "has no run")
    assert way_out == "  -> Its runs are: one, two."
