"""Handle Ctrl-C while training: finish the running step, write a checkpoint, then raise KeyboardInterrupt.

A second Ctrl-C interrupts at once. Outside the main thread nothing is installed, because signals arrive there only.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from burnish.scale.processes import any_true

logger = logging.getLogger(__name__)


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
