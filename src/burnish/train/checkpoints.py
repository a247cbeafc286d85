"""Checkpoints that survive a kill: each is marked complete once it is whole on disk, and only such ones are resumed.

The mark lists every file with its size; a checkpoint without a mark, or whose files do not match it, is torn.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from burnish.fsio import disk_errors, write_json

MARK = "complete.json"
logger = logging.getLogger(__name__)


def _sizes(checkpoint: Path) -> dict[str, int]:
    files = (path for path in checkpoint.rglob("*") if path.is_file() and path.name != MARK)
    return {str(path.relative_to(checkpoint)): path.stat().st_size for path in files}


class CompleteCheckpoints(TrainerCallback):
    """Marks each checkpoint after the trainer has written it and the disk has it."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Flush every file of the newest checkpoint, then write its mark."""
        checkpoint = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
        with disk_errors(checkpoint):
            for name in _sizes(checkpoint):
                descriptor = os.open(checkpoint / name, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        write_json(checkpoint / MARK, _sizes(checkpoint))


def latest_complete(folder: Path) -> str | None:
    """The newest complete checkpoint below ``folder``; torn ones are removed with a message."""
    numbered = [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    for checkpoint in sorted(numbered, key=lambda path: int(path.name.removeprefix("checkpoint-")), reverse=True):
        mark = checkpoint / MARK
        if mark.is_file() and json.loads(mark.read_text()) == _sizes(checkpoint):
            return str(checkpoint)
        logger.warning("%s is torn (an interrupted write): left out", checkpoint)
        shutil.rmtree(checkpoint)
    return None


def train_from_latest(trainer: Trainer, folder: Path) -> None:
    """Train to the end from the newest complete checkpoint; a checkpoint of the last step is only loaded.

    The trainer itself would take one step more when it resumes where it had ended.
    """
    checkpoint = latest_complete(folder)
    if checkpoint is not None and Path(checkpoint).name == f"checkpoint-{trainer.args.max_steps}":
        trainer._load_from_checkpoint(checkpoint)
    else:
        trainer.train(resume_from_checkpoint=checkpoint)
