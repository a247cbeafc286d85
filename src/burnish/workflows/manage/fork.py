"""Fork a run at a checkpoint, with its optimiser, schedule and position in the data.

The other run does not change. Left out on purpose: other settings for the training (a stage with ``start_from`` takes
only the weights).
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Any

from burnish.errors import RunFolderError
from burnish.fsio import digest_json, read_object, whole_folder, write_json
from burnish.ledger.metrics import METRIC_ROW, EventLog
from burnish.ledger.process import working
from burnish.ledger.run_folder import RESOLVED_RECIPE
from burnish.ledger.store import Ledger
from burnish.records.files import read_rows, write_rows
from burnish.records.layout import ATTEMPT, CHECKPOINTS, COMPLETE, DONE, EVENTS, LEDGER, METRICS, RESOLVED


def fork_run(source: Path, name: str, *, step: int | None = None) -> Path:
    """Copy a run up to a checkpoint of its last training into a new folder; return it.

    Args:
        source: folder of the run; no process may work on it.
        name: name of the new run.
        step: optimiser steps of the checkpoint; None for the newest.

    Raises RunFolderError when ``source`` is not a run, is in use, has no such checkpoint, or the new folder exists.
    """
    if not (source / RESOLVED).is_file():
        raise RunFolderError(
            f"{source} is not a run folder: it has no {RESOLVED}", "Give the name or the folder of a run."
        )
    if (pid := working(source)) is not None:
        raise RunFolderError(f"{source} is in use by process {pid}", f"Stop it first: burnish runs stop {source}.")
    out = source.parent / name
    if out.exists():
        raise RunFolderError(f"{out} already exists", "Give the new run another name.")
    resolved = read_object(source / RESOLVED, needs=RESOLVED_RECIPE)
    stages = [stage["name"] for stage in resolved["recipe"]["stages"]]
    training, checkpoint = _checkpoint(source, stages, step)
    with whole_folder(out) as partial:
        for stage in stages[: stages.index(training)]:
            if (source / stage).is_dir():
                shutil.copytree(source / stage, partial / stage)
        _copy_training(source / training, partial / training, checkpoint)
        reached = _step(checkpoint)
        _copy_metrics(source / METRICS, partial / METRICS, {*stages[: stages.index(training)]}, training, reached)
        forked = resolved | {"run_id": uuid.uuid4().hex, "recipe": resolved["recipe"] | {"name": name}}
        write_json(partial / RESOLVED, forked)
        EventLog(partial / EVENTS).write("forked", source=str(source), stage=training, step=reached)
    _record(out, forked, resolved["run_id"], f"{training} at step {reached}")
    return out


def _record(out: Path, forked: dict[str, Any], source: str, point: str) -> None:
    """Record the fork in the ledger, where the new run finds itself."""
    run_id = forked["run_id"]
    recipe = digest_json([forked["recipe"], forked["digests"]])
    with Ledger(out.parent / LEDGER) as ledger:
        ledger.open_run(run_id, name=out.name, path=out, recipe=recipe, version=forked["burnish"])
        ledger.note_fork(run_id, source=source, point=point)
        ledger.close_run(run_id, "interrupted")


def _checkpoint(source: Path, stages: list[str], step: int | None) -> tuple[str, Path]:
    for stage in reversed(stages):
        complete = sorted((mark.parent for mark in (source / stage / CHECKPOINTS).glob(f"*/{COMPLETE}")), key=_step)
        if not complete:
            continue
        chosen = [checkpoint for checkpoint in complete if step is None or _step(checkpoint) == step]
        if not chosen:
            steps = ", ".join(str(_step(checkpoint)) for checkpoint in complete)
            raise RunFolderError(
                f"{source} has no checkpoint of step {step}", f"Checkpoints of stage {stage}: {steps}."
            )
        return stage, chosen[-1]
    raise RunFolderError(f"{source} has no complete checkpoint", "Train it until its first one (save_every).")


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def _copy_training(source: Path, out: Path, checkpoint: Path) -> None:
    """Restore the stage at the checkpoint: not done, without later checkpoints."""
    left_out = {DONE, "adapter", "model", "launch"}
    later = {path.name for path in checkpoint.parent.glob("checkpoint-*") if _step(path) > _step(checkpoint)}

    def ignored(folder: str, names: list[str]) -> set[str]:
        if Path(folder) == source:
            return left_out & set(names)
        return later & set(names) if Path(folder) == checkpoint.parent else set()

    shutil.copytree(source, out, ignore=ignored)
    if not (out / ATTEMPT).is_file():
        raise RunFolderError(f"{source} has no {ATTEMPT}", "It was not written by burnish run or burnish train.")


def _copy_metrics(source: Path, out: Path, before: set[str], training: str, reached: int) -> None:
    if not source.exists():
        return
    rows = list(read_rows(source, METRIC_ROW))
    kept = [row for row in rows if row["stage"] in before or (row["stage"] == training and row["step"] <= reached)]
    write_rows(out, kept)
