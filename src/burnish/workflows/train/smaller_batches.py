"""Go on with a smaller micro batch where the accelerator is too small; the effective batch stays.

For pretraining, preference tuning, GRPO and streamed fine-tuning in one process. Left out on purpose: other
fine-tuning, which does it itself (`train.sft.run`), and several processes, which are all started anew
(`several_processes`).
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import TypeVar

from burnish.config.stages.preference import KtoConfig
from burnish.config.stages.recipe import GrpoStage, PreferenceStage, PretrainStage, SftStage, TrainingStage
from burnish.errors import DeviceMemoryError
from burnish.scale.processes import process_count
from burnish.train.arguments import smaller_micro_batch

Trained = TypeVar("Trained", PretrainStage, PreferenceStage, SftStage, GrpoStage)
Result = TypeVar("Result")
logger = logging.getLogger("burnish.run")


def with_smaller_batches(stage: Trained, train: Callable[[Trained], Result]) -> Result:
    """``train(stage)``, again with half the micro batch whenever an accelerator runs out of memory.

    Raises DeviceMemoryError when one sequence is too much; for KTO at once, whose KL term is that of a micro batch.
    """
    while True:
        try:
            return train(stage)
        except DeviceMemoryError:
            lower = None if process_count() > 1 else fitting_micro_batch(stage)
            if lower is None:
                raise
        logger.warning(
            "%s: the accelerator is too small for micro_batch %d: goes on with %d and the same effective batch",
            *(stage.name, stage.micro_batch, lower),
        )
        stage = stage.model_copy(update={"micro_batch": lower})
        free_memory()


def fitting_micro_batch(stage: TrainingStage | GrpoStage, processes: int = 1) -> int | None:
    """A smaller micro batch under which the stage trains the same; None when there is none."""
    if isinstance(stage, PreferenceStage) and isinstance(stage.method, KtoConfig):
        return None  # its KL term is that of a micro batch
    return smaller_micro_batch(stage, processes)


def free_memory() -> None:
    """Give back what a model that is gone has held of the accelerator."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
