"""A run in the background: started, watched and ended from other processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_verbs import assert_mistake, burnish

LONG = "name: long\nstages:\n  - {kind: corpus, name: corpus, documents: 50000000}\n"


def test_a_run_is_started_watched_and_ended(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(LONG)
    started = burnish("run", "r.yaml", "--detach", cwd=tmp_path)
    assert started.returncode == 0, started.stderr
    try:
        assert "burnish monitor" in started.stdout
        status = json.loads(burnish("monitor", "long", "--json", cwd=tmp_path).stdout)
        assert status["state"] == "running"
        assert f"process {status['pid']}, log" in started.stdout
        assert_mistake(burnish("run", "r.yaml", "--detach", cwd=tmp_path), f"in use by process {status['pid']}")
    finally:
        ended = burnish("runs", "stop", "long", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    shown = burnish("monitor", str(tmp_path / "runs" / "long"), cwd=tmp_path).stdout
    assert shown.startswith("long  interrupted  ")
    assert "error: interrupted" in (tmp_path / "runs" / "long" / "logs" / "detached.log").read_text()
    assert_mistake(burnish("runs", "stop", "long", cwd=tmp_path), "no process is working on")


def test_a_short_run_goes_to_its_end_and_can_be_begun_where_one_failed(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        LONG.replace("50000000", "20").replace("name: long", "name: short\ndata: {sources: [rows.jsonl]}")
    )
    failed = burnish("train", "r.yaml", "--detach", "--set", "data.sources=[]", cwd=tmp_path)
    assert_mistake(failed, "ended at once with exit code 2: error: recipe 'short' trains nothing")
    assert_mistake(burnish("run", "r.yaml", "--detach", cwd=tmp_path), "the training file rows.jsonl does not exist")
    assert burnish("run", "r.yaml", "--detach", "--set", "data.sources=[]", cwd=tmp_path).returncode == 0
    burnish("runs", "stop", "short", cwd=tmp_path)  # ends it, or it had ended
    assert (tmp_path / "runs" / "short" / "recipe.resolved.json").is_file()


def test_a_mistake_in_the_recipe_shows_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(LONG + "sed: 1\n")
    assert_mistake(burnish("run", "r.yaml", "--detach", cwd=tmp_path), "unknown key 'sed'")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("verb", [("monitor",), ("runs", "stop")])
def test_an_unknown_run_is_named(verb: tuple[str, ...], tmp_path: Path) -> None:
    assert_mistake(burnish(*verb, "nix", cwd=tmp_path), "run nix does not exist in runs")
