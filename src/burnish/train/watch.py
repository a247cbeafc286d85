"""Turns a trainer's log into burnish's metrics and progress line, and stops at a loss that is no number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from burnish.errors import UserError
from burnish.progress import progress

LOGGED = {"loss": "loss", "grad_norm": "grad_norm", "learning_rate": "learning_rate", "epoch": "epoch"}


class TrainingWatch(TrainerCallback):
    """Feeds ``log(step, values)`` and the progress bar."""

    def __init__(self, name: str, max_steps: int, log: Callable[[int, Mapping[str, float]], None]) -> None:
        self.name = name
        self.max_steps = max_steps
        self.log = log
        self.stack = ExitStack()
        self.fields: dict[str, str] = {}
        self.bar: Any = None
        self.last_log = (0.0, 0)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open the bar where a resumed training stands."""
        self.bar = self.stack.enter_context(progress(f"train {self.name}", total=self.max_steps, unit="steps"))
        if state.global_step:
            self.bar.advance(state.global_step)
        self.last_log = (time.monotonic(), int(state.num_input_tokens_seen))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One optimiser step is done."""
        self.bar.advance(1, **self.fields)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what every method has; a loss that is NaN or infinite ends the training here."""
        values = {LOGGED[key]: float(value) for key, value in (logs or {}).items() if key in LOGGED}
        if "loss" not in values:
            return
        now, seen = time.monotonic(), int(state.num_input_tokens_seen)
        values["tokens_per_s"] = (seen - self.last_log[1]) / max(now - self.last_log[0], 1e-9)
        self.last_log = (now, seen)
        self.log(state.global_step, values)
        self.fields = {"loss": f"{values['loss']:.4f}", "tokens/s": f"{values['tokens_per_s']:.0f}"}
        if not math.isfinite(values["loss"]):
            raise UserError(
                f"the loss became {values['loss']} before step {state.global_step} of {self.name}.",
                "Lower the learning rate or max_grad_norm; checkpoints before that step are kept.",
            )

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Close the bar."""
        self.stack.close()
