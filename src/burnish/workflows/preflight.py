"""Check before any work what recipe, paths, machine and installed packages can tell.

The cheap comes first: packages, then the machine and batches, then files and folders, then the content of the files. No
program is started, torch is not loaded, and nothing is written. Left out on purpose: reading the hub, what is in a GGUF
file, and the gates on training data, which need the model's tokenizer (`workflows.train.sft` has them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from burnish.config.data.training_data import HubSource
from burnish.config.kernels import KernelsConfig
from burnish.config.stages.batches import accumulation_steps, shared_micro_batch
from burnish.config.stages.embeddings import check_embedding_targets
from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.recipe import Recipe
from burnish.config.stages.stage import AdapterStage, Stage, TrainingStage, Trains
from burnish.config.tasks import RustTasks
from burnish.data.encode.preferences import read_preferences
from burnish.data.encode.template_probe import check_template
from burnish.data.sources.reading import check_sources
from burnish.data.tasks.task_sets import load_evaluation_tasks, load_task_set, require_rust, tested
from burnish.errors import BurnishError, ConfigError
from burnish.model.folders import NANO, check_stored_quantization
from burnish.model.machine import check_kernels, check_machine
from burnish.scale.launch import planned_processes
from burnish.workflows.run.context import model_beneath
from burnish.workflows.run.inputs import check_files
from burnish.workflows.run.requirements import require, require_reporters

PREFERENCE_ROWS: Mapping[str, Literal["dpo", "kto"]] = {"dpo rows": "dpo", "kto rows": "kto"}
"""Kind of `NamedFiles` -> method that its rows are for."""


def check_before(recipe: Recipe, stages: Sequence[Stage]) -> None:
    """Raise early the errors of later stages: ConfigError, MissingToolError, DataError with file and line."""
    _check_contents(recipe, stages, check_early(recipe, stages))


def check_early(recipe: Recipe, stages: Sequence[Stage]) -> Path | None:
    """Raise errors that need no content of files: packages, missing files, the machine, batches. Takes
    milliseconds. Return the base model, if a stage reads it."""
    _check_packages(recipe, stages)
    _check_machine(recipe, stages)
    if any(isinstance(stage, Trains) for stage in stages):
        check_batches(recipe, stages, planned_processes(recipe.launch, recipe.model.device))
    base = check_files(recipe, stages)
    if base is not None and base.is_dir() and any(stage.needs(recipe.data).model for stage in stages):
        check_stored_quantization(base, recipe.model.quantization)
    for stage in stages:
        if base is not None and isinstance(stage, AdapterStage) and model_beneath(recipe, stage) == "base":
            check_embedding_targets(stage.adapter, base)
    return base


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


def problem_of(check: Callable[[], object]) -> str:
    """Return the user's error that ``check`` raises, with its way out; empty where it raises none."""
    try:
        check()
    except BurnishError as error:
        return f"{error.cause} {error.way_out}"
    return ""


def _check_packages(recipe: Recipe, stages: Sequence[Stage]) -> None:
    packages = {package for stage in stages for package in stage.needs(recipe.data).packages}
    if "training" in packages:
        require("train")
    if "reporters" in packages:
        require_reporters(recipe.report_to)
        if recipe.launch.strategy == "deepspeed":
            require("deepspeed")
    if "vllm" in packages:
        require("vllm")


def _check_machine(recipe: Recipe, stages: Sequence[Stage]) -> None:
    if not any(stage.needs(recipe.data).model for stage in stages):
        return
    check_machine(recipe.model)
    for stage in stages:
        kernels = getattr(stage, "kernels", None)
        if isinstance(kernels, KernelsConfig):
            check_kernels(kernels, recipe.model.device)


def _check_tasks(recipe: Recipe, stages: Sequence[Stage]) -> None:
    """Read the task sets of the user, and check that there are tasks to sample; the built-in one is not built."""
    for stage in stages:
        if isinstance(stage, EvaluateStage) and stage.tasks is not None and not isinstance(stage.tasks, RustTasks):
            require_rust(load_evaluation_tasks(stage.tasks, recipe.seed).held_out)
    if not any("tasks" in stage.makes for stage in stages):
        return
    built_in, known = recipe.data.tasks, None
    if not isinstance(built_in, RustTasks):
        known = load_task_set(recipe.data.tasks, recipe.seed)
        require_rust((*known.train, *known.held_out))
    for stage in stages:
        if "rollouts" in stage.makes and (known is not None or not getattr(built_in, "train", 0)):
            tested(stage.name, () if known is None else known.train)


def _check_contents(recipe: Recipe, stages: Sequence[Stage], base: Path | None) -> None:
    needs = [stage.needs(recipe.data) for stage in stages]
    _check_tasks(recipe, stages)
    for named in (named for needed in needs for named in needed.files.values()):
        if named.kind in PREFERENCE_ROWS:
            read_preferences(named.path, PREFERENCE_ROWS[named.kind], recipe.data.bad_rows)
    conversations = set()
    if any(needed.sources for needed in needs):
        local = [source for source in recipe.data.sources if not isinstance(source, HubSource)]
        conversations = check_sources(local, recipe.data.bad_rows)
    tuned = any(isinstance(stage, SftStage) and model_beneath(recipe, stage) == "base" for stage in stages)
    if tuned and base is not None and base != NANO and base.is_dir():
        roles = conversations if recipe.data.sources else {("user", "assistant")}
        check_template(base, roles, recipe.data.chat)
