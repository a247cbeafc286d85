"""``burnish runs`` as a user types it: reading and changing a ledger that another program wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.ledger.store import Ledger
from tests.cli.test_verbs import assert_mistake, burnish
from tests.ledger.example_ledger import fill


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with Ledger(tmp_path / "runs" / "ledger.sqlite") as ledger:
        fill(ledger, tmp_path / "runs")
    return tmp_path


def test_runs_are_listed_and_shown_as_data(place: Path) -> None:
    listed = json.loads(burnish("runs", "list", "--json", cwd=place).stdout)
    assert {one["name"]: one["kind"] for one in listed}["evaluation"] == "evaluation"
    assert all(one["folder"] for one in listed)
    shown = json.loads(burnish("runs", "show", "tuning", "--json", cwd=place).stdout)
    assert [stage["name"] for stage in shown["stages"]] == ["sft", "measure", "report"]
    assert shown["stages"][0]["metrics"] == {"loss": 0.5}
    assert "forked from id-tuning, sft at step 4" in burnish("runs", "show", "fork", cwd=place).stdout


def test_two_runs_are_compared(place: Path) -> None:
    done = burnish("runs", "diff", "tuning", "fork", cwd=place)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["stages.sft.lr", "1", "2"] in lines
    assert ["sft:", "loss", "0.5", "0.25", "-0.25"] in lines
    data = json.loads(burnish("runs", "diff", "tuning", "fork", "--json", cwd=place).stdout)
    assert data["recipe"][1] == {"name": "stages.sft.lr", "a": 1, "b": 2}


def test_the_tree_goes_from_data_to_what_was_made_of_it(place: Path) -> None:
    whole = burnish("runs", "tree", cwd=place).stdout
    assert whole.index("pretraining") < whole.index("tuning") < whole.index("evaluation")
    assert "stranger" in whole
    family = burnish("runs", "tree", "evaluation", cwd=place).stdout
    assert "read  weights of t  adapter  <- tuning: sft/adapter" in family
    assert "fork" not in family
    assert "stranger" not in family
    data = json.loads(burnish("runs", "tree", "fork", "--json", cwd=place).stdout)
    assert [one["name"] for one in data] == ["pretraining", "tuning", "fork"]
    assert data[-1]["parents"][0] == {"parent": "id-tuning", "how": "forked from sft at step 4", "fork": True}


def test_removing_a_run_that_others_need_has_to_be_forced(place: Path) -> None:
    way_out = assert_mistake(
        burnish("runs", "remove", "tuning", "--yes", cwd=place), "evaluation: measure reads sft/adap"
    )
    assert "--force" in way_out
    assert_mistake(burnish("runs", "remove", "stranger", cwd=place), "needs confirmation")
    assert (place / "runs" / "stranger").is_dir()
    done = burnish("runs", "remove", "tuning", "--yes", "--force", cwd=place)
    assert "can no longer be reproduced: evaluation" in done.stdout
    assert not (place / "runs" / "tuning").exists()
    assert_mistake(burnish("runs", "show", "tuning", cwd=place), "has no run")
    assert burnish("runs", "remove", "stranger", "--yes", cwd=place).returncode == 0
    assert "fork" in burnish("runs", "tree", cwd=place).stdout


def test_a_run_without_an_evaluation_cannot_be_reproduced(place: Path) -> None:
    assert_mistake(burnish("runs", "reproduce", "pretraining", cwd=place), "has no evaluation")
    assert_mistake(burnish("runs", "reproduce", "tuning", "--stage", "x", cwd=place), "has no evaluate stage 'x'")
