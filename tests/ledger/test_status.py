from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from burnish.errors import DataError
from burnish.ledger.run_folder import open_run
from burnish.ledger.stage import Done
from burnish.ledger.status import RunStatus, read_status

RECIPE = {"name": "r", "stages": [{"name": "t", "kind": "tasks"}, {"name": "sft", "kind": "sft"}]}
START = 1_000_000.0


class Told:
    """A run's folder made up line by line, held by this process while it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def event(self, at: float, event: str, **fields: str | int) -> None:
        self._append("events.jsonl", {"at": START + at, "event": event, **fields})

    def row(self, at: float, step: int, values: Mapping[str, float], stage: str = "sft") -> None:
        self._append("metrics.jsonl", {"at": START + at, "stage": stage, "step": step, "values": dict(values)})

    def status(self, at: float, *, held: bool = True) -> RunStatus:
        for path in [self.folder, *self.folder.rglob("*")]:
            os.utime(path, (START, START))
        if not held:
            return read_status(self.folder, now=START + at, accelerators=[])
        with open_run(self.folder, recipe=RECIPE, digests={}, version="1", resume=True):
            return read_status(self.folder, now=START + at, accelerators=[])

    def _append(self, name: str, row: dict[str, Any]) -> None:
        with (self.folder / name).open("a") as file:
            file.write(json.dumps(row) + "\n")


@pytest.fixture
def told(tmp_path: Path) -> Told:
    with open_run(tmp_path, recipe=RECIPE, digests={}, version="1", resume=False):
        pass
    told = Told(tmp_path)
    told.event(0, "run_begins")
    return told


def train(told: Told, *, rows: int, every_s: float = 10.0) -> None:
    told.event(1, "stage_begins", stage="sft")
    told.event(2, "training_begins", stage="sft", step=0, steps=100)
    for number in range(1, rows + 1):
        told.row(number * every_s, number * 10, {"loss": 3.0 / number, "grad_norm": 1.0, "learning_rate": 1e-3})


def test_progress_and_time_left_follow_the_rows(told: Told) -> None:
    (told.folder / "t").mkdir()
    (told.folder / "t" / "done.json").write_text(json.dumps(Done("f", 2.5).__dict__))
    train(told, rows=4)
    status = told.status(41)
    assert (status.state, status.pid, status.stage) == ("running", os.getpid(), "sft")
    assert (status.step, status.steps, status.eta_s) == (40, 100, 60.0)
    assert status.metrics == {"loss": 0.75, "grad_norm": 1.0, "learning_rate": 1e-3}
    assert [(stage.name, stage.state, stage.seconds) for stage in status.stages] == [
        ("t", "done", 2.5),
        ("sft", "current", None),
    ]
    assert status.quiet_s == 1.0
    assert status.free_bytes > 0


def test_a_resumed_training_is_paced_by_itself(told: Told) -> None:
    train(told, rows=2)
    told.event(1000, "run_begins")
    told.event(1001, "stage_begins", stage="sft")
    told.event(1002, "training_begins", stage="sft", step=20, steps=100)
    told.row(1022, 30, {"loss": 1.0})
    assert told.status(1023).eta_s == 140.0  # ten steps took 20 s


@pytest.mark.parametrize(("quiet", "stalled"), [(99, False), (101, True)])
def test_ten_times_the_usual_pause_is_a_stall(told: Told, quiet: float, stalled: bool) -> None:
    train(told, rows=4)
    warnings = told.status(40 + quiet).warnings
    assert any("no sign of life" in warning for warning in warnings) == stalled


def test_a_nan_loss_is_seen_although_json_cannot_hold_it(told: Told) -> None:
    train(told, rows=3)
    assert not any("number" in warning for warning in told.status(31).warnings)
    told.row(40, 40, {"learning_rate": 1e-3, "grad_norm": 1.0})
    assert "loss was not finite at step 40" in told.status(41).warnings


def test_a_first_row_without_a_loss_is_seen_too(told: Told) -> None:
    train(told, rows=0)
    told.row(10, 10, {"learning_rate": 1e-3})
    assert "loss was not finite at step 10" in told.status(11).warnings


def test_checkpoints_that_will_not_fit_are_warned_of(told: Told) -> None:
    train(told, rows=1)
    checkpoint = told.folder / "sft" / "checkpoints" / "checkpoint-10"
    checkpoint.mkdir(parents=True)
    with (checkpoint / "weights").open("wb") as file:
        file.truncate(shutil.disk_usage(told.folder).free)  # sparse: there is room for one of these, not for two
    assert any("MiB free on the disk" in warning for warning in told.status(11).warnings)


def test_a_process_that_is_gone_leaves_a_killed_run(told: Told) -> None:
    train(told, rows=2)
    status = told.status(5000, held=False)
    assert (status.state, status.pid, status.eta_s) == ("killed", None, None)
    assert [warning for warning in status.warnings if "run the same command again" in warning]
    assert not [warning for warning in status.warnings if "stalled" in warning]


@pytest.mark.parametrize(
    ("event", "state"), [("run_done", "done"), ("run_interrupted", "interrupted"), ("run_failed", "failed")]
)
def test_how_a_run_ended_is_said(told: Told, event: str, state: str) -> None:
    train(told, rows=1)
    told.event(20, event, **({"error": "the disk is full"} if event == "run_failed" else {}))
    status = told.status(30, held=False)
    assert status.state == state
    assert status.error == ("the disk is full" if state == "failed" else None)


def test_a_folder_that_is_not_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a run folder"):
        read_status(tmp_path)
