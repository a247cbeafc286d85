"""Find the rows, tokenizer and settings of a recipe's sft stage, without opening a run.

Left out on purpose: task sets other than files and built-in tasks; the gates (`workflows.train.sft`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.data.filters.build import filter_files
from burnish.data.sources.reading import source_files
from burnish.data.tasks.task_sets import check_task_files, load_task_set
from burnish.errors import ConfigError
from burnish.model.folders import check_model_folder
from burnish.records import Example
from burnish.records.layout import MODEL
from burnish.workflows.rows.compile_filter import open_judge
from burnish.workflows.rows.prepare import Plan, examples_of_tasks, open_rows
from burnish.workflows.run.base_model import resolve_base
from burnish.workflows.run.context import model_beneath


def sft_stage(recipe: Recipe, name: str | None) -> SftStage:
    """Find the sft stage of that name, or the first; raise ConfigError when it is missing."""
    stages = [stage for stage in recipe.stages if isinstance(stage, SftStage)]
    for stage in stages:
        if name in (None, stage.name):
            return stage
    known = ", ".join(stage.name for stage in stages)
    raise ConfigError(
        f"recipe {recipe.name!r} has no sft stage" + (f" {name!r}." if name else "."),
        f"Its sft stages: {known}." if known else "Give a recipe with an sft stage.",
    )


def model_folder(recipe: Recipe, stage: SftStage) -> Path:
    """Find the folder of the stage's start model; raise ConfigError if it does not exist yet."""
    name = model_beneath(recipe, stage)
    if name not in {stage.name for stage in recipe.stages}:
        return resolve_base(recipe.model.base)
    folder = recipe.runs_dir / recipe.name / name / MODEL
    if not folder.is_dir():
        raise ConfigError(
            f"stage {stage.name!r} starts from stage {name!r}, which has no model yet.",
            "Run the recipe up to that stage first, or use burnish data lengths --char-only.",
        )
    check_model_folder(folder)
    return folder


def check_row_files(recipe: Recipe) -> None:
    """Raise DataError for a missing file of the rows; read none."""
    for source in recipe.data.sources:
        source_files(source)
    filter_files(recipe.data.filters)
    if not recipe.data.sources:
        check_task_files(recipe.data.tasks, "data.tasks")


@contextmanager
def training_rows(recipe: Recipe) -> Iterator[Iterable[Example]]:
    """Yield an sft stage's rows on demand: filtered and mixed sources, or the task set."""
    data = recipe.data
    if not data.sources:
        yield examples_of_tasks(load_task_set(data.tasks, recipe.seed).train)
        return
    with (
        open_judge(data.filters, recipe.verify, recipe.runs_dir) as judge,
        open_rows(Plan.of(recipe), judge, lambda _row: None) as opened,
    ):
        yield opened.rows
