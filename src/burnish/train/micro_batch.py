"""Choose the micro batch: the processes share the effective batch, and a smaller one is tried when it does not fit.

The effective batch never changes, so losses and gradients do not change either, apart from rounding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from burnish.config.stages.batches import smaller_micro_batch
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.config.stages.kinds.preference import KtoConfig, PreferenceStage
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.stage import TrainingStage
from burnish.errors import StepMemoryError
from burnish.model.base import free_memory
from burnish.scale.processes import process_count

Trained = TypeVar("Trained", PretrainStage, SftStage, PreferenceStage, GrpoStage, TrainingStage)
Result = TypeVar("Result")
logger = logging.getLogger(__name__)


def fit_micro_batch(stage: Trained, train: Callable[[Trained], Result], processes: int = 1) -> Result:
    """Return ``train(stage)``, retried with a smaller micro batch while a step does not fit on the accelerator.

    Args:
        stage: settings of the training.
        train: one attempt; it continues from the checkpoints of the attempt before.
        processes: number of processes that ``train`` starts. A process that is itself one of several does not retry:
            the process that started it does.

    Raises:
        StepMemoryError: no smaller micro batch trains the same.
    """
    while True:
        try:
            return train(stage)
        except StepMemoryError:
            # KTO's KL term depends on the micro batch.
            fixed = isinstance(stage, PreferenceStage) and isinstance(stage.method, KtoConfig)
            lower = None if fixed or process_count() > 1 else smaller_micro_batch(stage, processes)
            if lower is None:
                raise
        # Outside of the handler: the error's traceback would keep the model alive.
        logger.warning(
            "%s: the accelerator is too small for micro_batch %d: continues with %d and the same effective batch",
            *(stage.name, stage.micro_batch, lower),
        )
        stage = stage.model_copy(update={"micro_batch": lower})
        free_memory()
