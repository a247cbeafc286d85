"""Decide whether a stage starts, continues or is done, by fingerprints in two small files.

``attempt.json`` is written when a stage begins, ``done.json`` last of all, atomically: whenever the process dies, the
stage is either done or begun. A folder begun under another fingerprint is emptied, never mixed; a finished training
is set aside instead. Not covered: the work of a stage and how it continues inside its folder (the workflows).
"""

from __future__ import annotations

import itertools
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from burnish.errors import DataError
from burnish.fsio import (
    NUMBER,
    Needs,
    digest_file,
    digest_folder,
    digest_json,
    disk_errors,
    read_object,
    write_json,
)
from burnish.records.layout import ATTEMPT, DONE, REPLACED

logger = logging.getLogger("burnish.run")

_RUNS_AGAIN = "Remove that file: the stage runs again, from its last checkpoint where it has one."
PREDICTED_PEAK = "predicted_peak_bytes"
"""Metric of a training stage: the predicted peak memory."""


@dataclass(frozen=True)
class Done:
    """A finished stage."""

    fingerprint: str
    seconds: float
    """Seconds over all attempts; a killed attempt counts up to its last write."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Digests of files and folders in the stage's folder, by name."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Results to record in the ledger."""
    peak_bytes: int | None = None
    """Peak resident memory of the last attempt."""
    finished_at: float = 0.0
    """Seconds since the epoch."""


@dataclass(frozen=True)
class Attempt:
    """A begun stage."""

    fingerprint: str
    started_at: float
    spent_s: float
    """Seconds spent by earlier attempts."""
    fresh: bool
    """Whether the folder was empty, so nothing is resumed."""
    continued: str | None = None
    """Fingerprint without the settings that may change while the stage continues."""


def fingerprint(stage: Mapping[str, Any], inputs: Mapping[str, str], *, code: str, seed: int) -> str:
    """Compute the digest of a stage's settings, inputs, code and seed."""
    return digest_json({"stage": dict(stage), "inputs": dict(inputs), "code": code, "seed": seed})


def read_done(folder: Path) -> Done | None:
    """Read the record of a finished stage; None unless all its outputs still exist."""
    record = _read(folder / DONE, {"fingerprint": str, "seconds": NUMBER})
    if record is None:
        return None
    try:
        done = Done(**record)
    except TypeError as error:
        raise DataError(f"{folder / DONE} is broken: {error}.", _RUNS_AGAIN) from error
    return done if all((folder / name).exists() for name in done.outputs) else None


def begin(
    folder: Path,
    fingerprint: str,
    continued: str | None = None,
    *,
    keep_finished: bool = False,
    now: Callable[[], float] = time.time,
) -> Attempt:
    """Record the start of an attempt; first empty a folder with another fingerprint.

    With ``keep_finished`` a finished folder is set aside in the run's folder ``replaced`` instead of emptied.
    ``continued`` is a fingerprint without the settings that may change (more steps of a training): a folder with the
    same one is continued, finished or not.
    """
    before = _read(folder / ATTEMPT, {"fingerprint": str, "started_at": NUMBER, "spent_s": NUMBER})
    spent = 0.0
    same = before is not None and before["fingerprint"] == fingerprint and not (folder / DONE).exists()
    goes_on = continued is not None and before is not None and before.get("continued") == continued
    fresh = not (same or goes_on)
    with disk_errors(folder):
        if fresh and keep_finished and read_done(folder) is not None:
            set_aside(folder)
        elif fresh and folder.exists():
            shutil.rmtree(folder)
        elif before is not None:
            spent = before["spent_s"] + max(0.0, _last_write(folder) - before["started_at"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DONE).unlink(missing_ok=True)
    attempt = Attempt(fingerprint, now(), spent, fresh, continued)
    record = asdict(attempt)
    del record["fresh"]
    write_json(folder / ATTEMPT, record)
    return attempt


def set_aside(folder: Path) -> Path:
    """Move a finished stage into a new folder below ``replaced``; return that folder."""
    kept = folder.parent / REPLACED
    kept.mkdir(exist_ok=True)
    number = next(number for number in itertools.count(1) if not (kept / f"{folder.name}-{number}").exists())
    place = kept / f"{folder.name}-{number}"
    folder.rename(place)
    logger.warning("%s: finished under other settings; it is kept in %s", folder.name, place)
    return place


def finish(
    folder: Path,
    attempt: Attempt,
    outputs: tuple[str, ...],
    *,
    metrics: Mapping[str, float] | None = None,
    peak_bytes: int | None = None,
    now: Callable[[], float] = time.time,
) -> Done:
    """Compute the outputs' digests and write ``done.json``."""
    digests = {name: _digest(folder / name) for name in outputs}
    at = now()
    seconds = round(attempt.spent_s + at - attempt.started_at, 3)
    done = Done(attempt.fingerprint, seconds, digests, dict(metrics or {}), peak_bytes, at)
    write_json(folder / DONE, asdict(done))
    return done


def _digest(path: Path) -> str:
    return digest_folder(path) if path.is_dir() else digest_file(path)


def _last_write(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.rglob("*") if path.is_file()), default=0.0)


def _read(path: Path, needs: Needs | None = None) -> dict[str, Any] | None:
    try:
        return read_object(path, _RUNS_AGAIN, needs)
    except FileNotFoundError:
        return None
