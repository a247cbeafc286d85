"""Trace selected training rows of a recipe from record to mask. Left out on purpose: showing them (`report`)."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.config.stages.recipe import Recipe
from burnish.data.encode.row_trace import RowView, inspect_example
from burnish.errors import DataError
from burnish.records import Example
from burnish.wording import counted
from burnish.workflows.rows.recipe_rows import check_row_files, model_folder, sft_stage, training_rows
from burnish.workflows.run.requirements import require


def inspect_rows(recipe: Recipe, stage: str | None, rows: Sequence[str]) -> list[RowView]:
    """Find the rows given by number (from 0) or id, in that order.

    Raises DataError for a missing row, and the errors of reading and encoding.
    """
    require("train")
    chosen = sft_stage(recipe, stage)
    folder = model_folder(recipe, chosen)
    check_row_files(recipe)
    by_name = _find(recipe, rows)
    from burnish.model.base import load_tokenizer

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
