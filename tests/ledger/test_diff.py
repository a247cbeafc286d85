"""Two runs side by side."""

from __future__ import annotations

import shutil
from pathlib import Path

from burnish.fsio import write_json
from burnish.ledger.diff import Difference, diff_runs
from burnish.ledger.lookup import find_run
from burnish.ledger.store import Ledger
from burnish.records.layout import MACHINE
from tests.ledger.example_ledger import fill


def test_what_differs_is_listed_and_results_stand_side_by_side(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, tmp_path)
        write_json(tmp_path / "fork" / MACHINE, {"torch": "2"})
        found = diff_runs(ledger, find_run(ledger, "tuning"), find_run(ledger, "fork"), tmp_path)
        assert found.recipe == [Difference("name", "tuning", "fork"), Difference("stages.sft.lr", 1, 2)]
        assert found.digests == [Difference("code", "c-tuning", "c-fork")]
        assert found.versions == [Difference("torch", None, "2")]
        assert Difference("sft: loss", 0.5, 0.25) in found.results
        assert Difference("sft: peak MiB", 1.0, 1.0) in found.results
        assert [stage.name for stage in found.stages] == ["sft", "measure", "report"]
        assert found.missing == []


def test_a_folder_that_is_gone_leaves_what_the_ledger_knows(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, tmp_path)
        shutil.rmtree(tmp_path / "fork")
        found = diff_runs(ledger, find_run(ledger, "tuning"), find_run(ledger, "fork"), tmp_path)
        assert (found.recipe, found.digests, found.missing) == ([], [], ["fork"])
        assert Difference("sft: loss", 0.5, 0.25) in found.results
