"""Run a training stage in this process, or in several as the recipe sets.

Left out on purpose: how each method trains (`sft`, `preference`, `pretrain`).
"""

from __future__ import annotations

from pathlib import Path

from burnish.config.stages.stage import TrainingStage
from burnish.scale.planned import planned_processes
from burnish.workflows.run.context import Outcome, Run, workflow_of
from burnish.workflows.train.launch import shared_out, train_in_processes


def train_stage(run: Run, stage: TrainingStage, folder: Path) -> Outcome:
    """Train the stage, continuing from its last complete checkpoint."""
    processes = planned_processes(run.recipe.launch, run.recipe.model.device)
    alone = processes == 1 and run.recipe.launch.strategy != "deepspeed"
    stage = shared_out(stage, processes)
    return train_here(run, stage, folder) if alone else train_in_processes(run, stage, folder, processes)


def train_here(run: Run, stage: TrainingStage, folder: Path) -> Outcome:
    """Train the stage in this process, which may be one of several."""
    return workflow_of(stage.training_function)(run, stage, folder)
