"""Mark each checkpoint complete once it is whole on disk, and resume only complete ones.

The mark lists every file with its size; a checkpoint without a mark, or whose files do not match it, is torn.
Those made with other data, settings or another base are never resumed, and removed.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from burnish.errors import DataError, UserError
from burnish.fsio import disk_errors, read_object, write_json
from burnish.records.layout import COMPLETE, MADE_WITH
from burnish.scale.processes import is_first, of_first, wait_for_all
from burnish.train.weights.sharded import check_same_strategy

logger = logging.getLogger(__name__)


def _sizes(checkpoint: Path) -> dict[str, int]:
    files = (path for path in checkpoint.rglob("*") if path.is_file() and path.name != COMPLETE)
    return {str(path.relative_to(checkpoint)): path.stat().st_size for path in files}


class CompleteCheckpoints(TrainerCallback):
    """Mark each checkpoint once all its files are flushed to disk."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Flush every file of the newest checkpoint, then write its mark; only the first process does."""
        wait_for_all()
        if is_first():
            self._mark(args, state)
        wait_for_all()

    def _mark(self, args: TrainingArguments, state: TrainerState) -> None:
        checkpoint = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
        with disk_errors(checkpoint):
            for name in _sizes(checkpoint):
                descriptor = os.open(checkpoint / name, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        write_json(checkpoint / COMPLETE, _sizes(checkpoint))


def latest_complete(folder: Path, *, last_step: int | None = None) -> str | None:
    """Find the newest complete checkpoint, the same in every process; remove torn ones.

    Raises UserError for one of a step after ``last_step``.
    """
    return of_first(_latest_complete(folder, last_step) if is_first() else None)


def _latest_complete(folder: Path, last_step: int | None) -> str | None:
    numbered = [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    for checkpoint in sorted(numbered, key=step_of, reverse=True):
        mark = checkpoint / COMPLETE
        if mark.is_file() and _noted(mark) == _sizes(checkpoint):
            if last_step is not None and step_of(checkpoint) > last_step:
                raise UserError(
                    f"{checkpoint} is further than the {last_step} steps that the training now has.",
                    "Give at least as many extra steps as before (burnish run: --set stages.NAME.extra_steps=N), "
                    f"or remove {folder} to train from the start.",
                )
            return str(checkpoint)
        logger.warning("%s is torn (an interrupted write): left out", checkpoint)
        shutil.rmtree(checkpoint)
    return None


def _noted(mark: Path) -> dict[str, Any] | None:
    try:
        return read_object(mark)
    except DataError:  # torn too
        return None


def step_of(checkpoint: Path) -> int:
    """Return the optimiser steps of a checkpoint, by its name."""
    return int(checkpoint.name.removeprefix("checkpoint-"))


def train_from_latest(trainer: Trainer, folder: Path) -> None:
    """Train to the end from the newest complete checkpoint; a checkpoint of the last step is only loaded.

    The trainer itself would take one more step when it resumes a finished training.
    """
    checkpoint = latest_complete(folder, last_step=trainer.args.max_steps)
    if checkpoint is not None:
        check_same_strategy(trainer, Path(checkpoint))
        logger.info("continues from %s", checkpoint)
    if checkpoint is not None and step_of(Path(checkpoint)) == trainer.args.max_steps:
        trainer._load_from_checkpoint(checkpoint)
    else:
        trainer.train(resume_from_checkpoint=checkpoint)


def drop_foreign_checkpoints(folder: Path, made_with: Mapping[str, Any]) -> None:
    """Record the facts of the checkpoints, and remove those made with others.

    The first process removes them while the others wait.
    """
    record = folder / MADE_WITH
    if is_first():
        differing: list[str] | None = None
        if folder.is_dir() and any(folder.iterdir()):
            stored = read_object(record) if record.is_file() else {}
            differing = [key for key in made_with if stored.get(key) != made_with[key]]
        if differing:
            logger.warning("%s: made with other %s; training starts over", folder, ", ".join(differing))
            shutil.rmtree(folder)
        if differing != []:
            write_json(record, made_with)
    wait_for_all()
