"""End every training, whatever its method: the last step, Ctrl-C, the best weights, the result on disk.

Ctrl-C lets the running step finish and writes a checkpoint before KeyboardInterrupt; a second one interrupts at once.
Outside the main thread nothing is installed, because signals arrive there only.

Not covered: the beginning of a training (`train.job`, and each method's own module).
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, runtime_checkable

import torch
from peft import PeftModel
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.config.stages.stage import TrainingStage
from burnish.errors import StepMemoryError
from burnish.model.adapters import AdapterOrigin
from burnish.model.base import stored_dtype
from burnish.scale.processes import any_true, is_first, wait_for_all
from burnish.train.checkpoints.complete import step_of, train_from_latest
from burnish.train.weights.adapters import save_trained
from burnish.train.weights.reference import REFERENCE
from burnish.train.weights.sharded import gather, is_sharded

logger = logging.getLogger(__name__)


@runtime_checkable
class NamesBest(Protocol):
    """Callback that knows which checkpoint becomes the result, such as that of `train.watch.evaluation`."""

    def best_checkpoint(self) -> Path | None:
        """Return its folder; None when the last step becomes the result."""
        ...


class StopAfterStep(TrainerCallback):
    """Save and stop at the end of the step in which ``requested`` became true."""

    def __init__(self) -> None:
        self.requested = False

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """Ask the trainer for a checkpoint and the end; a request in one process suffices."""
        if any_true(self.requested):
            self.requested = True
            control.should_save = True
            control.should_training_stop = True
        return control


@contextmanager
def saving_interrupts() -> Iterator[StopAfterStep]:
    """Yield a callback for the trainer; after the body, raise the pending KeyboardInterrupt."""
    stopper = StopAfterStep()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stopper.requested:
            raise KeyboardInterrupt
        stopper.requested = True
        logger.warning("interrupted: finishing this step and saving a checkpoint (Ctrl-C again stops at once)")

    if threading.current_thread() is not threading.main_thread():
        yield stopper
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stopper
    finally:
        signal.signal(signal.SIGINT, before)
    if stopper.requested:
        raise KeyboardInterrupt


def train_to_end(trainer: Trainer, checkpoints: Path, stage: TrainingStage | GrpoStage) -> None:
    """Train the stage from its latest complete checkpoint.

    Raises StepMemoryError when the accelerator is too small, KeyboardInterrupt after Ctrl-C; checkpoints are kept.
    """
    with saving_interrupts() as stopper:
        trainer.add_callback(stopper)
        try:
            train_from_latest(trainer, checkpoints)
        except torch.OutOfMemoryError as error:
            batches = "micro_batch or decode_batch" if isinstance(stage, GrpoStage) else "micro_batch"
            raise StepMemoryError(
                f"the accelerator ran out of memory while training {stage.name} with micro_batch {stage.micro_batch}.",
                f"Checkpoints are kept: lower {batches} (and keep effective_batch), shorten rows, or turn "
                "kernels.gradient_checkpointing on; then run the same command again.",
            ) from error


def save_best(trainer: Any, callbacks: Sequence[TrainerCallback], save: Callable[[Any], None]) -> int:
    """Let the first process ``save`` the gathered model, with the best weights if ``callbacks`` name them. Return the
    optimiser steps of the result."""
    steps = load_best(trainer, callbacks) or trainer.args.max_steps
    if is_sharded(trainer.model):
        gather(trainer.model)
    if is_first():
        save(trainer.model)
    wait_for_all()
    return int(steps)


def load_best(trainer: Any, callbacks: Sequence[TrainerCallback]) -> int | None:
    """Load the weights of the best checkpoint into the trainer's model; return its step, if a callback names one."""
    for callback in callbacks:
        checkpoint = callback.best_checkpoint() if isinstance(callback, NamesBest) else None
        if checkpoint is not None:
            step = step_of(checkpoint)
            if step != trainer.state.global_step:
                trainer._load_from_checkpoint(str(checkpoint))
                logger.info("the result is the checkpoint of step %d, the best by its evaluation", step)
            return step
    return None


def result_saver(tokenizer: Any, folder: Path, origin: AdapterOrigin, *, base: Path) -> Callable[[Any], None]:
    """Return a function that writes a trained model into ``folder``, without its frozen reference.

    A whole model is stored in the dtype of ``base``.
    """

    def save(model: Any) -> None:
        if isinstance(model, PeftModel) and REFERENCE in model.peft_config:
            model.delete_adapter(REFERENCE)
        save_trained(model, tokenizer, folder, origin, dtype=stored_dtype(base))

    return save
