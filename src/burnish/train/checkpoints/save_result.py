"""The end of every training, whatever its method: the last step, the best weights, the result on disk.

Not covered: what a trainer needs before its first step (each method's own module).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import Trainer, TrainerCallback

from burnish.config.stages.recipe import GrpoStage, PreferenceStage, SftStage
from burnish.model.adapters import AdapterOrigin
from burnish.model.base import LoadedModel, device_memory, stored_dtype
from burnish.scale.processes import is_first, wait_for_all
from burnish.train.checkpoints.complete import train_from_latest
from burnish.train.checkpoints.interrupt import saving_interrupts
from burnish.train.watch.evaluation import load_best
from burnish.train.weights.adapters import save_trained
from burnish.train.weights.reference import REFERENCE
from burnish.train.weights.sharded import gather, is_sharded

WAY_OUT = "Checkpoints are kept: lower {}, then run the same command again."


def train_to_end(
    trainer: Trainer, checkpoints: Path, name: str, *, lower: str = "micro_batch (and keep effective_batch)"
) -> None:
    """Train the stage ``name`` from its latest complete checkpoint; ``lower`` says what takes less memory.

    Raises DeviceMemoryError where the accelerator is too small, KeyboardInterrupt after Ctrl-C; checkpoints stay.
    """
    with saving_interrupts() as stopper, device_memory(f"training {name}", WAY_OUT.format(lower)):
        trainer.add_callback(stopper)
        train_from_latest(trainer, checkpoints)


def save_best(trainer: Any, callbacks: Sequence[TrainerCallback], save: Callable[[Any], None]) -> int:
    """Let the first process ``save`` the model, with the best weights where ``callbacks`` name them, whole in any case;
    returns the optimiser steps behind it."""
    steps = load_best(trainer, callbacks) or trainer.args.max_steps
    if is_sharded(trainer.model):
        gather(trainer.model)
    if is_first():
        save(trainer.model)
    wait_for_all()
    return int(steps)


def save_result(
    trainer: Any,
    loaded: LoadedModel,
    stage: SftStage | PreferenceStage | GrpoStage,
    origin: AdapterOrigin,
    *,
    base: Path,
    out: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> tuple[Path, int]:
    """Write ``out/adapter``, or ``out/model`` where every weight was trained; returns that folder and its steps.

    Args:
        trainer: has trained.
        loaded: what it was made of.
        stage: says what was trained.
        origin: goes beside the result.
        base: folder of the base model; a whole model is stored in the dtype of that.
        out: folder of the stage.
        callbacks: those of the training; see `load_best`.
    """
    folder = out / ("model" if stage.adapter.kind == "full" else "adapter")

    def save(model: Any) -> None:
        if isinstance(model, PeftModel) and REFERENCE in model.peft_config:
            model.delete_adapter(REFERENCE)
        save_trained(model, loaded.tokenizer, folder, origin, dtype=stored_dtype(base))

    return folder, save_best(trainer, callbacks, save)
