"""Ctrl-C while training: the step that runs is finished, a checkpoint is written, then KeyboardInterrupt is raised.

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

from burnish.scale.processes import any_says

logger = logging.getLogger(__name__)


class StopAfterStep(TrainerCallback):
    """Saves and stops at the end of the step in which ``requested`` became true."""

    def __init__(self) -> None:
        self.requested = False

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """Ask the trainer for a checkpoint and the end; one process that was told is enough."""
        if any_says(self.requested):
            self.requested = True
            control.should_save = True
            control.should_training_stop = True
        return control


@contextmanager
def saving_interrupts() -> Iterator[StopAfterStep]:
    """Give a callback for the trainer; after the body, raise the KeyboardInterrupt that came meanwhile."""
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
