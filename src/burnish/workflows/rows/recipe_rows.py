"""Find the rows, tokenizer and settings of a recipe's sft stage, without opening a run; trace rows from record to mask.

Left out on purpose: task sets other than files and built-in tasks; the gates (`workflows.train.sft`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.data.encode.row_trace import RowView, inspect_example
from burnish.data.filters.build import filter_files
from burnish.data.sources.reading import source_files
from burnish.data.tasks.task_sets import check_task_files, load_task_set
from burnish.errors import ConfigError, DataError
from burnish.model.folders import check_model_folder
from burnish.records import Example
from burnish.records.layout import MODEL
from burnish.wording import counted
from burnish.workflows.rows.compile_filter import open_judge
from burnish.workflows.rows.prepare import Plan, examples_of_tasks, open_rows
from burnish.workflows.run.base_model import resolve_base
from burnish.workflows.run.context import model_beneath
from burnish.workflows.run.requirements import require


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


def inspect_rows(recipe: Recipe, stage: str | None, rows: Sequence[str]) -> list[RowView]:
    """Find the rows given by number (from 0) or id, in that order.

    Raises DataError for a missing row, and the errors of reading and encoding.
    """
    require("train")
    chosen = sft_stage(recipe, stage)
    folder = model_folder(recipe, chosen)
    check_row_files(recipe)
    by_name = _find(recipe, rows)
    from burnish.model.source import load_tokenizer

    tokenizer = load_tokenizer(folder)
    return [
        inspect_example(number, example, tokenizer, chat=recipe.data.chat, max_length=chosen.max_length)
        for number, example in (by_name[row] for row in rows)
    ]


def _find(recipe: Recipe, wanted: Sequence[str]) -> dict[str, tuple[int, Example]]:
    """Collect the requested rows; reading stops after the last of them."""
    missing = set(wanted)
    by_name: dict[str, tuple[int, Example]] = {}
    count = 0
    with training_rows(recipe) as examples:
        for number, example in enumerate(examples):
            count += 1
            for name in missing & {str(number), example.id}:
                by_name[name] = (number, example)
            missing -= by_name.keys()
            if not missing:
                return by_name
    raise DataError(
        f"row {sorted(missing)[0]!r} is not among the {counted(count, 'training row')}.",
        f"Give a number from 0 to {count - 1}, or the id of a row (FILE:LINE).",
    )
