"""The rows, tokenizer and settings that an sft stage of a recipe will train with, without opening a run.

Left out on purpose: task sets that are no files and no built-in tasks; the gates (`workflows.train.sft`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.data.tasks.examples import examples_from_tasks
from burnish.data.tasks.task_sets import load_task_set
from burnish.errors import ConfigError, DataError
from burnish.model.folders import check_model_folder, resolve_base
from burnish.records import Example
from burnish.records.layout import MODEL
from burnish.workflows.rows.compile_filter import open_judge
from burnish.workflows.rows.prepare import Plan, open_rows
from burnish.workflows.run.context import model_beneath


def sft_stage(recipe: Recipe, name: str | None) -> SftStage:
    """The sft stage of that name, or the first one; ConfigError when there is none."""
    stages = [stage for stage in recipe.stages if isinstance(stage, SftStage)]
    for stage in stages:
        if name in (None, stage.name):
            return stage
    known = ", ".join(stage.name for stage in stages)
    raise ConfigError(
        f"recipe {recipe.name!r} has no sft stage" + (f" {name!r}." if name else "."),
        f"Its sft stages: {known}." if known else "Name a recipe that fine-tunes.",
    )


def model_folder(recipe: Recipe, stage: SftStage) -> Path:
    """Folder of the model that the stage starts from; ConfigError when the run has not made it yet."""
    name = model_beneath(recipe, stage)
    if name not in {one.name for one in recipe.stages}:
        return resolve_base(recipe.model.base)
    folder = recipe.runs_dir / recipe.name / name / MODEL
    if not folder.is_dir():
        raise ConfigError(
            f"stage {stage.name!r} starts from stage {name!r}, which has not made its model yet.",
            "Run the recipe up to there first, or look with burnish data lengths --char-only.",
        )
    check_model_folder(folder)
    return folder


@contextmanager
def training_rows(recipe: Recipe) -> Iterator[Iterable[Example]]:
    """What an sft stage trains on, in order, read as it is asked for: sources, filtered and mixed, or the task set."""
    data = recipe.data
    if not data.sources:
        examples = examples_from_tasks(load_task_set(data.tasks, recipe.seed).train)
        if not examples:
            raise DataError("there is nothing to train on: the task set has no training part", "Name data.sources.")
        yield examples
        return
    plan = Plan(data.sources, data.filters, data.mixture, recipe.seed, data.bad_rows)
    with ExitStack() as stack:
        judge = stack.enter_context(open_judge(data.filters, recipe.verify, recipe.runs_dir))
        yield stack.enter_context(open_rows(plan, judge, lambda _row: None)).rows
