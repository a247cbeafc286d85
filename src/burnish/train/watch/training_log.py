"""Watch every training, whatever its method: measurement, metrics, the progress line, reporters, NaN.

`watch_training` puts the callbacks on a trainer in the order they need: the meter and evaluations add to a row of the
trainer's log, `TrainingWatch` forwards the row, reporters such as TensorBoard and the services that transformers has
callbacks for read it last. Not covered: logging in to a service (its own tool or environment does that).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import integration_utils

from burnish.config.stages.training_evaluation import Reporter
from burnish.errors import UserError
from burnish.model.contents import weight_bytes
from burnish.progress import progress
from burnish.train.watch.meter import StepMeter, is_measurement

LOGGED = ("loss", "grad_norm", "learning_rate", "epoch", "reward", "reward_std", "entropy")
PREFERENCE = ("rewards/", "logps/", "kl", "rollouts/", "clip_ratio/", "sampling/")
"""Prefixes of the numbers of DPO, KTO and GRPO: rewards, log-probabilities, the KL term, completions."""
EVALUATED = "eval_"
"""Prefix of numbers from evaluation while training; reporters show them under a heading of their own."""

Log = Callable[[int, Mapping[str, float]], None]


class MeterUser(TrainerCallback):
    """A callback that reads the totals or adds a phase; `watch_training` gives it the meter."""

    meter: StepMeter | None = None


def watch_training(
    trainer: Any, *, name: str, steps: int, log: Log, callbacks: Sequence[TrainerCallback] = ()
) -> StepMeter:
    """Put meter, watch and ``callbacks`` on a trainer, once, before it trains.

    Args:
        trainer: a transformers trainer with the mixin `meter.Metered`; without it tokens are not counted.
        name: name of the stage.
        steps: optimiser steps of the whole training.
        log: called with the step and its values at each log row of the trainer.
        callbacks: further ones; a `MeterUser` gets the meter. Those that read the log run after the watch.

    Returns:
        The meter, whose totals are complete when training has ended.
    """
    meter = StepMeter()
    trainer.meter = meter
    meter.reference_bytes = weight_bytes(getattr(trainer, "ref_model", None))
    trainer.remove_callback(PrinterCallback)
    users = [callback for callback in callbacks if isinstance(callback, MeterUser)]
    for user in users:
        user.meter = meter
    others = [callback for callback in callbacks if not isinstance(callback, MeterUser)]
    for callback in (meter, *users, TrainingWatch(name, steps, log), *others):
        trainer.add_callback(callback)
    return meter


class TrainingWatch(TrainerCallback):
    """Feed ``log(step, values)`` and the progress bar; stop at a loss that is not finite."""

    def __init__(self, name: str, max_steps: int, log: Log) -> None:
        self.name = name
        self.max_steps = max_steps
        self.log = log
        self.stack = ExitStack()
        self.fields: dict[str, str] = {}
        self.bar: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open the bar at the step of a resumed training; only the first process shows one."""
        if state.is_world_process_zero:
            self.bar = self.stack.enter_context(
                progress(f"train {self.name}", total=self.max_steps, unit="steps", done=state.global_step)
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Advance the bar; always log the last step."""
        if state.global_step >= state.max_steps or control.should_training_stop:
            control.should_log = True
        if self.bar is not None:
            self.bar.advance(1, **self.fields)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Forward the row; stop the training at a loss that is not finite."""
        values = {
            key: float(value)
            for key, value in (logs or {}).items()
            if key in LOGGED or key.startswith((EVALUATED, *PREFERENCE)) or is_measurement(key)
        }
        if "loss" not in values:
            return
        if state.is_world_process_zero:
            self.log(state.global_step, values)
        self.fields = {"loss": f"{values['loss']:.4f}", "lr": f"{values.get('learning_rate', 0.0):.2e}"}
        if "reward" in values:
            self.fields["reward"] = f"{values['reward']:.3f}"
        if "tokens_per_s" in values:
            self.fields["tokens/s"] = f"{values['tokens_per_s']:.0f}"
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


class TrainingEvents(TrainerCallback):
    """Record where a training begins and its last step: ``write(event, stage=, step=, steps=)``."""

    def __init__(self, stage: str, write: Callable[..., None]) -> None:
        self.stage = stage
        self.write = write

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write the event."""
        if state.is_world_process_zero:
            self.write("training_begins", stage=self.stage, step=state.global_step, steps=state.max_steps)


TENSORBOARD = "tensorboard"
"""Name of its folder in the stage's folder."""


def reporters(names: Sequence[Reporter], folder: Path) -> list[TrainerCallback]:
    """Build callbacks that forward every row of the log; ``folder`` is the stage's. Their packages must be
    installed."""
    made: list[TrainerCallback] = []
    for name in names:
        kinds: Any = integration_utils
        callback: Any = kinds.INTEGRATION_TO_CALLBACK[name]()
        if name == TENSORBOARD:
            callback.logging_dir = str(folder / TENSORBOARD)
        made.append(callback)
    return made
