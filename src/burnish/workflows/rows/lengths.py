"""Measure the training rows of a recipe and recommend a ``max_length``.

Lengths are those of whole rows, before truncation and splitting. Left out on purpose: the table on the terminal
(`report.terminal.lengths`).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from burnish.config.stages.recipe import Recipe
from burnish.data.encode.lengths import LengthReport, measure_lengths
from burnish.fsio import disk_errors, write_json
from burnish.model.context import folder_context
from burnish.progress import progress
from burnish.records import Example
from burnish.records.layout import LENGTHS, LENGTHS_PICTURE
from burnish.report.terminal.lengths import draw_lengths
from burnish.workflows.rows.recipe_rows import check_row_files, model_folder, sft_stage, training_rows
from burnish.workflows.run.requirements import require

BATCH = 512
"""Rows encoded together."""


@dataclass(frozen=True)
class LengthQuestion:
    """What to measure."""

    stage: str | None = None
    """Name of the sft stage; None for the first."""
    percentiles: tuple[float, ...] = (50, 90, 95, 99, 100)
    cutoffs: tuple[int, ...] = ()
    percentile: float = 95
    margin: float = 1.1
    char_only: bool = False
    limit: int | None = None
    """Measure only the first N rows."""


def measure_rows(recipe: Recipe, question: LengthQuestion, out: Path | None) -> dict[str, Any]:
    """Build the report; with ``out``, also write ``lengths.json`` and ``lengths.png`` there."""
    stage = sft_stage(recipe, question.stage)
    if not question.char_only:
        require("train")
    folder = None if question.char_only else model_folder(recipe, stage)
    check_row_files(recipe)
    with training_rows(recipe) as rows:
        counted = itertools.islice(rows, question.limit)
        lengths, whole = (_characters(counted), 0) if folder is None else _tokens(counted, recipe, folder)
    report = measure_lengths(
        lengths,
        unit="characters" if folder is None else "tokens",
        percentiles=question.percentiles,
        cutoffs=question.cutoffs,
        percentile=question.percentile,
        margin=question.margin,
        context=None if folder is None else folder_context(folder),
        longest_whole=whole,
    )
    written = _as_json(report)
    if out is not None:
        write_json(out / LENGTHS, written)
        with disk_errors(out):
            draw_lengths(lengths, written, out / LENGTHS_PICTURE)
    return written


def _characters(rows: Iterable[Example]) -> list[int]:
    return [
        len(row.text) if row.text is not None else sum(len(message.content) for message in row.messages) for row in rows
    ]


def _tokens(rows: Iterable[Example], recipe: Recipe, folder: Path) -> tuple[list[int], int]:
    """Return the tokens of each row, and of the longest one that training refuses to cut; 0 if it cuts or
    splits all."""
    from burnish.data.encode.chat import encode_examples
    from burnish.model.source import load_tokenizer

    tokenizer = load_tokenizer(folder)
    lengths: list[int] = []
    whole = 0
    with progress("measure", total=None, unit="rows") as bar:
        for batch in _batches(rows):
            encoded = [len(row.input_ids) for row in encode_examples(batch, tokenizer, recipe.data.chat)]
            if recipe.data.chat.truncate == "refuse":
                conversations = zip(encoded, batch, strict=True)
                whole = max([whole, *(length for length, row in conversations if row.messages)])
            lengths += encoded
            bar.advance(len(batch))
    return lengths, whole


def _batches(rows: Iterable[Example]) -> Iterator[Sequence[Example]]:
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, BATCH)):
        yield batch


def _as_json(report: LengthReport) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(report)))  # type: ignore[no-any-return]
