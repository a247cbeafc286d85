"""The micro batch of a training: how the processes share the effective batch, and what is done when it does not fit.

The effective batch never changes, so neither do losses and gradients, but for rounding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.config.stages.kinds.preference import KtoConfig, PreferenceStage
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.stage import TrainingStage
from burnish.errors import ConfigError, StepMemoryError
from burnish.model.base import free_memory
from burnish.scale.processes import process_count

Trained = TypeVar("Trained", PretrainStage, SftStage, PreferenceStage, GrpoStage, TrainingStage)
Result = TypeVar("Result")
logger = logging.getLogger(__name__)


def fit_micro_batch(stage: Trained, train: Callable[[Trained], Result], processes: int = 1) -> Result:
    """Return ``train(stage)``, tried again with a smaller micro batch while a step does not fit on the accelerator.

    Args:
        stage: what is trained.
        train: one attempt; it continues from the checkpoints of the attempt before.
        processes: how many ``train`` starts. One that is itself one of several is not tried again: whoever started
            them does that.

    Raises:
        StepMemoryError: no smaller micro batch trains the same.
    """
    while True:
        try:
            return train(stage)
        except StepMemoryError:
            lower = None if process_count() > 1 else fitting_micro_batch(stage, processes)
            if lower is None:
                raise
        # Outside of the handler: the error's traceback would keep the model alive.
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


def smaller_micro_batch(config: OptimizerConfig, processes: int = 1) -> int | None:
    """Half the micro batch, or the next smaller one that leaves accumulation whole; None when it is 1."""
    share, rest = divmod(config.effective_batch, processes)
    return None if rest else next((size for size in range(config.micro_batch // 2, 0, -1) if share % size == 0), None)


def shared_micro_batch(config: OptimizerConfig, processes: int) -> int:
    """The micro batch that the processes train with: as it was said, or, where nobody said one, the largest that is no
    larger and leaves accumulation whole."""
    if "micro_batch" in config.model_fields_set or config.effective_batch % (config.micro_batch * processes) == 0:
        return config.micro_batch
    return smaller_micro_batch(config, processes) or config.micro_batch


def accumulation_steps(config: OptimizerConfig, processes: int = 1) -> int:
    """Micro batches that one process takes in an optimiser step.

    Raises ConfigError when the processes cannot share the effective batch in whole micro batches.
    """
    together = config.micro_batch * processes
    if config.effective_batch % together == 0:
        return config.effective_batch // together
    if processes == 1:
        raise ConfigError(
            f"micro_batch {config.micro_batch} does not divide effective_batch {config.effective_batch}.",
            "Choose numbers where accumulation is whole: effective_batch = micro_batch x accumulation.",
        )
    share, rest = divmod(config.effective_batch, processes)
    fitting = [] if rest else [size for size in range(1, config.micro_batch + 1) if share % size == 0]
    raise ConfigError(
        f"effective_batch {config.effective_batch} is no multiple of micro_batch {config.micro_batch}"
        f" x {processes} processes.",
        f"Set micro_batch to {fitting[-1]}; effective_batch = micro_batch x processes x accumulation."
        if fitting
        else f"Set effective_batch to a multiple of {processes}, or launch.processes to a divisor of it.",
    )
