"""Check that micro batches, effective batches and processes are compatible, before any training."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.config.stages.batches import accumulation_steps, shared_micro_batch
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import Stage, TrainingStage
from burnish.errors import ConfigError


def check_batches(recipe: Recipe, stages: Sequence[Stage], processes: int | None = None) -> None:
    """Raise ConfigError if a stage's batches are not whole.

    ``processes`` is the number of training processes; None for the recipe's number, and 1 if that is open.
    """
    configured = recipe.launch.processes
    count = processes if processes is not None else configured if isinstance(configured, int) else 1
    for stage in stages:
        if not isinstance(stage, OptimizerConfig):
            continue
        several = isinstance(stage, TrainingStage)
        if not several and count > 1 and configured != "auto":
            raise ConfigError(
                f"stage {stage.name!r} answers, judges and learns in one process, but launch.processes is {count}.",
                "Remove launch.processes: other stages then still use several processes where they can.",
            )
        together = count if several else 1
        micro_batch = shared_micro_batch(stage, together)
        try:
            accumulation_steps(stage.model_copy(update={"micro_batch": micro_batch}), together)
        except ConfigError as error:
            raise ConfigError(f"stage {stage.name!r}: {error.cause}", error.way_out) from error
