"""``burnish data inspect`` and ``burnish data lengths``: inspect rows and lengths before training."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.errors import ConfigError

Stage = Annotated[
    str | None, typer.Option("--stage", help="Name of the sft stage; default: the first one.", metavar="NAME")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@options.grouped
def inspect(
    chosen: options.ChosenRecipe,
    rows: Annotated[
        list[str] | None, typer.Option("--row", help="Row number (from 0) or id; may be repeated.", metavar="ROW")
    ] = None,
    stage: Stage = None,
    as_json: AsJson = False,
) -> None:
    """Show how a training row becomes messages, text, tokens and a loss mask."""
    with reported():
        recipe = chosen.load()
        from burnish.workflows.rows.recipe_rows import inspect_rows

        views = inspect_rows(recipe, stage, rows or ["0"])
        if as_json:
            typer.echo(json.dumps([asdict(view) for view in views], indent=2, ensure_ascii=False))
            return
        from rich.console import Console

        from burnish.cli.render.rows import show_row

        for view in views:
            show_row(view, Console())


@dataclass(frozen=True)
class Question:
    """What to measure."""

    stage: Stage = None
    percentiles: Annotated[str, typer.Option("--percentiles", help="Percentiles to show.", metavar="P,P")] = (
        "50,90,95,99,100"
    )
    cutoffs: Annotated[
        str,
        typer.Option(
            "--cutoffs", help="Values of max_length to try; default: values around the recommended one.", metavar="N,N"
        ),
    ] = ""
    percentile: Annotated[
        float, typer.Option("--percentile", help="Percentile that the recommendation is based on.")
    ] = 95
    margin: Annotated[float, typer.Option("--margin", help="Factor applied to that percentile.")] = 1.1
    char_only: Annotated[
        bool, typer.Option("--char-only", help="Count characters instead of tokens; needs neither tokenizer nor torch.")
    ] = False
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Measure only the first N rows.")] = None


@options.grouped
def lengths(
    chosen: options.ChosenRecipe,
    question: Question,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for lengths.json and lengths.png.", metavar="FOLDER")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the lengths of training rows and recommend a max_length."""
    with reported():
        recipe = chosen.load()
        from burnish.workflows.rows.lengths import LengthQuestion, measure_rows

        lists = {
            "percentiles": tuple(_numbers(question.percentiles, "--percentiles")),
            "cutoffs": tuple(_whole(number) for number in _numbers(question.cutoffs, "--cutoffs")),
        }
        report = measure_rows(recipe, LengthQuestion(**{**vars(question), **lists}), out)
        if as_json:
            typer.echo(json.dumps(report, indent=2))
            return
        from rich.console import Console

        from burnish.report.terminal.lengths import show_lengths

        show_lengths(report, Console())
        if out is not None:
            typer.echo(f"{out / 'lengths.json'} and {out / 'lengths.png'}")


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise ConfigError(
            f"{option} {text!r} is not a list of numbers.", f"Write {option} 50,99.5 for example."
        ) from error


def _whole(number: float) -> int:
    if number != int(number):
        raise ConfigError(f"--cutoffs {number:g} is not a number of tokens.", "Write --cutoffs 512,1024 for example.")
    return int(number)
