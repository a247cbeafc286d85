"""Read the status of a run from its folder: stage, progress, time left and warnings.

Reading changes nothing and needs no help from the run, so it works at any time, also for a run that hangs or was
killed. Not covered: progress inside a stage that does not train (growing files are its only sign of life).
"""

from __future__ import annotations

import itertools
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from burnish.errors import DataError
from burnish.fsio import NUMBER, RESTORE, read_object
from burnish.ledger.accelerators import Accelerator, read_accelerators
from burnish.ledger.metrics import EVENT_ROW, METRIC_ROW
from burnish.ledger.process import holder
from burnish.records.files import read_rows
from burnish.records.layout import DONE, EVENTS, METRICS, RESOLVED

State = Literal["running", "done", "interrupted", "failed", "killed", "new"]

ENDINGS: Mapping[str, State] = {"run_done": "done", "run_interrupted": "interrupted", "run_failed": "failed"}
STALL_FACTOR, STALL_LEAST_S, STALL_FIRST_S = 10.0, 60.0, 900.0
"""A stall lasts this many times the usual time between rows, at least the second number, before the first row the
third."""
LOW_DISK_BYTES = 1 << 30


@dataclass(frozen=True)
class StageState:
    """One stage of the recipe."""

    name: str
    kind: str
    state: Literal["done", "current", "waiting"]
    seconds: float | None = None
    """Seconds of a finished stage."""


@dataclass(frozen=True)
class RunStatus:
    """The status of a run at one moment."""

    name: str
    path: str
    state: State
    """``killed``: it started, has not ended, and no process holds it."""
    pid: int | None
    stages: Sequence[StageState]
    stage: str | None
    """The current stage."""
    step: int | None
    """Optimiser steps taken in the current stage, when it trains."""
    steps: int | None
    eta_s: float | None
    """Seconds until the current training ends, at the pace of this attempt."""
    metrics: Mapping[str, float]
    """The latest value of each metric of the current stage."""
    quiet_s: float | None
    """Seconds since the last sign of life."""
    free_bytes: int
    accelerators: Sequence[Accelerator]
    warnings: Sequence[str]
    error: str | None = None
    """Reason of a failure."""


@dataclass(frozen=True)
class _Row:
    at: float
    step: int
    values: Mapping[str, float]


def read_status(
    folder: Path, *, now: float | None = None, accelerators: Sequence[Accelerator] | None = None
) -> RunStatus:
    """Read the status of a run's folder.

    Args:
        folder: of the run.
        now: seconds since the epoch; the clock's when None.
        accelerators: their state; read when None.

    Raises DataError when the folder is not a run folder.
    """
    moment = time.time() if now is None else now
    recipe = _recipe(folder)
    events = list(read_rows(folder / EVENTS, EVENT_ROW))
    pid = holder(folder)
    state = _state(events, running=pid is not None)
    current = _current_stage(events) if state != "done" else None
    begins = _training_begins(events, current)
    rows = _rows(folder, current, since=begins["at"] if begins is not None else 0.0)
    step = rows[-1].step if rows else begins["step"] if begins is not None else None
    steps = begins["steps"] if begins is not None else None
    life = _last_sign_of_life(folder, current, rows)
    quiet = max(0.0, moment - life) if life is not None else None
    free = shutil.disk_usage(folder).free
    failed = next((event for event in reversed(events) if event["event"] == "run_failed"), None)
    return RunStatus(
        name=str(recipe.get("name", folder.name)),
        path=str(folder),
        state=state,
        pid=pid,
        stages=_stages(folder, recipe, current),
        stage=current,
        step=step,
        steps=steps,
        eta_s=_eta(begins, rows) if state == "running" else None,
        metrics={name: value for row in rows for name, value in row.values.items()},
        quiet_s=quiet,
        free_bytes=free,
        accelerators=read_accelerators() if accelerators is None else accelerators,
        warnings=[
            *_stall(state, quiet, rows, begins),
            *_not_a_number(rows),
            *_disk(folder, current, free),
            *(
                ["the process is gone and the run did not end: run the same command again to continue"]
                * (state == "killed")
            ),
        ],
        error=failed.get("error") if failed is not None and state == "failed" else None,
    )


def _recipe(folder: Path) -> dict[str, Any]:
    try:
        recipe = read_object(folder / RESOLVED, RESTORE)["recipe"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder} is not a run folder: it has no readable {RESOLVED}", "Give the name or the folder of a run."
        ) from error
    return dict(recipe)


def _is(folder: Path, name: str) -> bool:
    return (folder / name).is_file()


def _state(events: Sequence[Mapping[str, Any]], *, running: bool) -> State:
    if running:
        return "running"
    lifecycle = [event["event"] for event in events if event["event"] == "run_begins" or event["event"] in ENDINGS]
    if not lifecycle:
        return "new"
    return ENDINGS.get(lifecycle[-1], "killed")


def _current_stage(events: Sequence[Mapping[str, Any]]) -> str | None:
    current = None
    for event in events:
        if event["event"] == "stage_begins":
            current = event["stage"]
        elif event["event"] in ("stage_done", "run_begins"):
            current = None
    return current


def _training_begins(events: Sequence[Mapping[str, Any]], stage: str | None) -> Mapping[str, Any] | None:
    begins = (event for event in reversed(events) if event["event"] == "training_begins" and event["stage"] == stage)
    return next(begins, None)


def _rows(folder: Path, stage: str | None, *, since: float) -> list[_Row]:
    if stage is None or not _is(folder, METRICS):
        return []
    rows = list(read_rows(folder / METRICS, METRIC_ROW))
    return [_Row(row["at"], row["step"], row["values"]) for row in rows if row["stage"] == stage and row["at"] >= since]


def _stages(folder: Path, recipe: Mapping[str, Any], current: str | None) -> list[StageState]:
    states = []
    for stage in recipe.get("stages", ()):
        name, kind = str(stage["name"]), str(stage["kind"])
        done = folder / name / DONE
        if name == current:
            states.append(StageState(name, kind, "current"))
        elif done.is_file():
            seconds = float(read_object(done, needs={"seconds": NUMBER})["seconds"])
            states.append(StageState(name, kind, "done", seconds))
        else:
            states.append(StageState(name, kind, "waiting"))
    return states


def _last_sign_of_life(folder: Path, stage: str | None, rows: Sequence[_Row]) -> float | None:
    times = [row.at for row in rows[-1:]]
    for path in [folder / EVENTS, *((folder / stage).rglob("*") if stage is not None else ())]:
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:  # a checkpoint that is just being removed
            continue
    return max(times, default=None)


def _eta(begins: Mapping[str, Any] | None, rows: Sequence[_Row]) -> float | None:
    if begins is None or not rows:
        return None
    first = _Row(begins["at"], begins["step"], {}) if len(rows) == 1 else rows[0]
    taken, spent = rows[-1].step - first.step, rows[-1].at - first.at
    left = begins["steps"] - rows[-1].step
    return round(left * spent / taken, 1) if taken > 0 else None


def _stall(state: State, quiet: float | None, rows: Sequence[_Row], begins: Mapping[str, Any] | None) -> list[str]:
    if state != "running" or quiet is None or begins is None:
        return []
    pauses = [later.at - earlier.at for earlier, later in itertools.pairwise(rows)]
    limit = max(STALL_LEAST_S, STALL_FACTOR * statistics.median(pauses)) if pauses else STALL_FIRST_S
    return [f"no sign of life for {quiet:.0f} s: stalled?"] if quiet > limit else []


def _not_a_number(rows: Sequence[_Row]) -> list[str]:
    # The writer drops values that are not finite: a row without a loss among rows with one had such a loss.
    usual = {name for row in rows for name in row.values if name in ("loss", "grad_norm")}
    missing = {
        name: [row.step for row in rows if name not in row.values and "learning_rate" in row.values] for name in usual
    }
    warnings = [f"{name} was not finite at step {steps[-1]}" for name, steps in sorted(missing.items()) if steps]
    if rows and not usual and "learning_rate" in rows[-1].values:
        warnings.append(f"loss was not finite at step {rows[-1].step}")
    return warnings


def _disk(folder: Path, stage: str | None, free: int) -> list[str]:
    checkpoints = sorted((folder / stage / "checkpoints").glob("checkpoint-*")) if stage is not None else []
    largest = max(
        (sum(f.stat().st_size for f in checkpoint.rglob("*") if f.is_file()) for checkpoint in checkpoints), default=0
    )
    needed = max(LOW_DISK_BYTES, 2 * largest)
    if free >= needed:
        return []
    return [f"{free / 2**20:.0f} MiB free on the disk, but the next checkpoints may need {needed / 2**20:.0f} MiB"]
