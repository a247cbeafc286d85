"""Build the `TrainingJob` of a stage from its settings, seed and metrics.

Left out on purpose: the start of a stage (`workflows.train.start`), its callbacks (`workflows.train.callbacks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from transformers import TrainerCallback

from burnish.config.launch import ALONE
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.train.job import AnyTrained, TrainingJob
from burnish.train.watch.training_log import Log
from burnish.workflows.run.context import Run


def training_job(
    run: Run,
    stage: AnyTrained,
    folder: Path,
    *,
    base: Path | None,
    start: Path | None = None,
    callbacks: Sequence[TrainerCallback] = (),
    log: Log | None = None,
) -> TrainingJob[AnyTrained]:
    """Build the training of a stage.

    Args:
        run: the open run.
        stage: what is trained.
        folder: for checkpoints and the result.
        base: model to train, or to put the adapter on; None for a new one.
        start: adapter whose training continues.
        callbacks: callbacks of the trainer.
        log: gets the numbers of a step; None writes them into the run's metrics.
    """
    return TrainingJob(
        base=base,
        start=start,
        model=run.recipe.model,
        stage=stage,
        out=folder,
        seed=run.recipe.seed,
        launch=ALONE if isinstance(stage, GrpoStage) else run.recipe.launch,
        log=log or partial(run.folder.metrics.log, stage.name),
        callbacks=callbacks,
    )
