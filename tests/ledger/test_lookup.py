"""A run is found by what a user calls it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from burnish.errors import DataError
from burnish.ledger.lookup import find_run, folder_of, open_ledger
from burnish.ledger.store import Ledger
from tests.ledger.example_ledger import fill


def test_a_run_is_found_by_name_id_or_folder(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, tmp_path)
        for name in ("fork", "id-fo", str(tmp_path / "fork")):
            assert find_run(ledger, name).name == "fork"
        for name in ("nobody", ""):
            with pytest.raises(DataError, match="has no run"):
                find_run(ledger, name)
    with pytest.raises(DataError, match="does not exist"):
        open_ledger(tmp_path / "fork")
    assert not (tmp_path / "fork" / "ledger.sqlite").exists()


def test_a_folder_is_found_after_a_move_and_is_not_anothers(tmp_path: Path) -> None:
    with Ledger(tmp_path / "old" / "ledger.sqlite") as ledger:
        fill(ledger, tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    with Ledger(tmp_path / "new" / "ledger.sqlite") as ledger:
        run = find_run(ledger, "fork")
    assert folder_of(run, tmp_path / "new") == tmp_path / "new" / "fork"
    shutil.rmtree(tmp_path / "new" / "fork")
    (tmp_path / "new" / "tuning").rename(tmp_path / "new" / "fork")
    assert folder_of(run, tmp_path / "new") is None
