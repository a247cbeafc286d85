"""What can be known to fail before any work: missing packages, missing or broken data files.

Nothing is written. Left out on purpose: the gates on training data (they need the model's tokenizer; `tune` has them).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from burnish.config.recipe import AnyStage, EvaluateStage, MergeStage, PretrainStage, Recipe, SftStage, TasksStage
from burnish.config.tasks import RustTasks
from burnish.data.sources import read_sources
from burnish.data.task_sets import load_task_set
from burnish.workflows.requirements import require_reporters, require_train_extra


def check_before(recipe: Recipe, stages: Sequence[AnyStage]) -> None:
    """Raise what the stages would raise later: MissingToolError, DataError naming file and line."""
    if any(isinstance(stage, PretrainStage | SftStage | EvaluateStage | MergeStage) for stage in stages):
        require_train_extra()
        if recipe.model.quantization is not None:
            from burnish.model.quantized import require_package

            require_package(recipe.model.quantization)
    if any(isinstance(stage, PretrainStage | SftStage) for stage in stages):
        require_reporters(recipe.report_to)
    if any(isinstance(stage, TasksStage) for stage in stages) and not isinstance(recipe.data.tasks, RustTasks):
        load_task_set(recipe.data.tasks, recipe.seed)
    if any(isinstance(stage, SftStage) for stage in stages) and recipe.data.sources:
        with tempfile.TemporaryDirectory() as folder:
            read_sources(recipe.data.sources, bad_rows=recipe.data.bad_rows, rejected=Path(folder) / "rejected.jsonl")
