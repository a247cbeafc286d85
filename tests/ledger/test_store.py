"""The ledger: what was recorded is found again, across programs, versions and damage."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from burnish.errors import DataError, DiskError
from burnish.ledger.stage import Done
from burnish.ledger.store import MIGRATIONS, Ledger

DONE = Done("f1", 12.5, {"adapter": "d1"}, {"loss": 0.5}, 1000, 50.0)


def record(ledger: Ledger, path: Path, run: str = "r1", done: Done = DONE) -> None:
    ledger.open_run(run, name="quick", path=path, recipe="rr", version="1")
    ledger.record_stage(run, name="sft", kind="sft", done=done, inputs={"base": "d0"})


def test_a_run_and_its_stage_are_found_again(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        record(ledger, tmp_path)
        ledger.close_run("r1", "done")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        (run,) = ledger.runs()
        (stage,) = ledger.stages("r1")
    assert (run.run_id, run.name, run.path, run.state) == ("r1", "quick", tmp_path, "done")
    assert (stage.name, stage.seconds, stage.peak_bytes) == ("sft", 12.5, 1000)
    assert (stage.artefacts, stage.parents, stage.metrics) == ({"adapter": "d1"}, {"base": "d0"}, {"loss": 0.5})


def test_recording_again_replaces_the_stage_and_keeps_the_other_run(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        record(ledger, tmp_path)
        record(ledger, tmp_path, run="r2")
        record(ledger, tmp_path, done=Done("f2", 1.0, {"model": "d9"}, {}, None, 60.0))
        (stage,) = ledger.stages("r1")
        assert (stage.artefacts, stage.metrics) == ({"model": "d9"}, {})
        assert ledger.stages("r2")[0].artefacts == {"adapter": "d1"}
        assert [run.run_id for run in ledger.runs()] == ["r1", "r2"]


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(sqlite3.IntegrityError):
            ledger.record_stage("unknown run", name="sft", kind="sft", done=DONE, inputs={})
        record(ledger, tmp_path)
        assert len(ledger.stages("r1")) == 1


def test_many_programs_may_write_at_once(tmp_path: Path) -> None:
    path, gate = tmp_path / "ledger.sqlite", threading.Barrier(8)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        gate.wait()
        try:
            with Ledger(path) as ledger:
                record(ledger, tmp_path, run=f"r{number}")
        except BaseException as error:  # noqa: BLE001  (a thread hands its failure over)
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Ledger(path) as ledger:
        assert len(ledger.runs()) == 8


def test_a_ledger_of_an_older_version_keeps_its_runs(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as db:
        for statement in MIGRATIONS[0].split(";"):
            db.execute(statement)
        db.execute("INSERT INTO runs VALUES ('r1', 'old', '/old', 'r', '1', 'done', 1.0, 2.0)")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with Ledger(path) as ledger:
        (run,) = ledger.runs()
        assert (run.name, run.kind, run.fork_of) == ("old", "run", None)
        record(ledger, tmp_path, run="r2")
        assert len(ledger.runs()) == 2


def test_aliases_kinds_and_forks_are_kept_and_removed_with_their_run(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        record(ledger, tmp_path)
        ledger.open_run("r2", name="e", path=tmp_path, recipe="r", version="1", kind="evaluation")
        ledger.record_stage("r2", name="s", kind="sft", done=DONE, inputs={}, aliases={"adapter": ["x", "y"]})
        ledger.note_fork("r2", source="r1", point="sft at step 2")
        run = next(run for run in ledger.runs() if run.run_id == "r2")
        assert (run.kind, run.fork_of, run.fork_point) == ("evaluation", "r1", "sft at step 2")
        (stage,) = ledger.stages("r2")
        assert stage.aliases == {"adapter": ("x", "y")}
        assert ledger.has_stage("r2", "s", DONE)
        assert not ledger.has_stage("r2", "s", Done("other", 1.0))
        ledger.remove_run("r2")
        assert [run.run_id for run in ledger.runs()] == ["r1"]
        assert ledger.stages("r2") == []
        assert len(ledger.stages("r1")) == 1


def test_a_newer_or_broken_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    newer, broken = tmp_path / "newer.sqlite", tmp_path / "broken.sqlite"
    with Ledger(newer):
        pass
    with sqlite3.connect(newer) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(DataError, match="newer burnish"):
        Ledger(newer)
    broken.write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match="is not a ledger"):
        Ledger(broken)
    assert broken.read_bytes().startswith(b"no database")


def test_a_place_that_cannot_be_written_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(DiskError, match="cannot write the ledger"):
        Ledger(tmp_path / "ledger.sqlite")
