"""Check before any work for missing packages and missing or broken data files.

Nothing is written. Left out on purpose: reading the hub, and the gates on training data, which need the model's
tokenizer (`workflows.train.sft` has them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from burnish.config.data.training_data import HubSource
from burnish.config.stages.embeddings import check_embedding_targets
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import AdapterStage, Stage, Trains
from burnish.config.tasks import RustTasks
from burnish.data.encode.preferences import read_preferences
from burnish.data.sources import check_sources
from burnish.data.tasks.task_sets import load_task_set
from burnish.workflows.run.base_model import resolve_base
from burnish.workflows.run.batches import check_batches
from burnish.workflows.run.context import model_beneath
from burnish.workflows.run.requirements import require_deepspeed, require_reporters, require_train_extra, require_vllm

PREFERENCE_ROWS: Mapping[str, Literal["dpo", "kto"]] = {"dpo rows": "dpo", "kto rows": "kto"}
"""Kind of `NamedFiles` -> method that its rows are for."""


def check_before(recipe: Recipe, stages: Sequence[Stage]) -> None:
    """Raise early the errors of later stages: MissingToolError, DataError with file and line."""
    needs = [stage.needs(recipe.data) for stage in stages]
    packages = {package for one in needs for package in one.packages}
    if "training" in packages:
        require_train_extra()
        if recipe.model.quantization is not None:
            from burnish.model.quantized import require_package

            require_package(recipe.model.quantization)
    if "reporters" in packages:
        require_reporters(recipe.report_to)
        if recipe.launch.strategy == "deepspeed":
            require_deepspeed()
    if any(isinstance(stage, Trains) for stage in stages):
        from burnish.scale.processes import planned_processes

        check_batches(recipe, stages, planned_processes(recipe.launch, recipe.model.device))
    for stage in stages:
        if isinstance(stage, AdapterStage) and model_beneath(recipe, stage) == "base":
            check_embedding_targets(stage.adapter, resolve_base(recipe.model.base))
    if "vllm" in packages:
        require_vllm()
    if any("tasks" in stage.makes for stage in stages) and not isinstance(recipe.data.tasks, RustTasks):
        load_task_set(recipe.data.tasks, recipe.seed)
    for named in (named for one in needs for named in one.files.values()):
        if named.kind in PREFERENCE_ROWS:
            read_preferences(named.path, PREFERENCE_ROWS[named.kind], recipe.data.bad_rows)
    if any(one.sources for one in needs):
        check_sources([one for one in recipe.data.sources if not isinstance(one, HubSource)], recipe.data.bad_rows)
