"""``burnish data inspect`` and ``burnish data lengths``: look before you train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.errors import ConfigError

Stage = Annotated[
    str | None, typer.Option("--stage", help="Name of the sft stage; the first one otherwise.", metavar="NAME")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


def inspect(
    recipe: options.Recipe,
    rows: Annotated[
        list[str] | None, typer.Option("--row", help="Number from 0, or id; may be repeated.", metavar="ROW")
    ] = None,
    stage: Stage = None,
    overrides: options.Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Show training rows on their way: record, messages, text, tokens, truncation, and the mask in colour."""
    with reported():
        from burnish.cli.train.recipes import find_recipe
        from burnish.config.load import load_config
        from burnish.config.stages.recipe import Recipe

        config = load_config(Recipe, find_recipe(recipe), overrides or ())
        from burnish.workflows.rows.inspect import inspect_rows

        views = inspect_rows(config, stage, rows or ["0"])
        if as_json:
            import json
            from dataclasses import asdict

            typer.echo(json.dumps([asdict(view) for view in views], indent=2, ensure_ascii=False))
            return
        from rich.console import Console

        from burnish.report.terminal.row_view import show_row

        for view in views:
            show_row(view, Console())


def lengths(
    recipe: options.Recipe,
    *,
    stage: Stage = None,
    overrides: options.Overrides = None,
    percentiles: Annotated[
        str, typer.Option("--percentiles", help="Percentiles to show.", metavar="P,P")
    ] = "50,90,95,99,100",
    cutoffs: Annotated[
        str,
        typer.Option(
            "--cutoffs", help="Values of max_length to try; otherwise around the recommended one.", metavar="N,N"
        ),
    ] = "",
    percentile: Annotated[
        float, typer.Option("--percentile", help="The recommendation starts from this percentile.")
    ] = 95,
    margin: Annotated[float, typer.Option("--margin", help="Factor on that percentile.")] = 1.1,
    char_only: Annotated[
        bool, typer.Option("--char-only", help="Count characters: needs neither tokenizer nor torch.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Measure the first so many rows.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for lengths.json and lengths.png.", metavar="FOLDER")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure training rows, try limits on them, and say which max_length to take."""
    with reported():
        from burnish.cli.train.recipes import find_recipe
        from burnish.config.load import load_config
        from burnish.config.stages.recipe import Recipe

        config = load_config(Recipe, find_recipe(recipe), overrides or ())
        from burnish.workflows.rows.lengths import LengthQuestion, measure_rows

        question = LengthQuestion(
            stage,
            tuple(_numbers(percentiles, "--percentiles")),
            tuple(_whole(number) for number in _numbers(cutoffs, "--cutoffs")),
            percentile,
            margin,
            char_only,
            limit,
        )
        report = measure_rows(config, question, out)
        if as_json:
            import json

            typer.echo(json.dumps(report, indent=2))
            return
        from rich.console import Console

        from burnish.report.terminal.row_view import show_lengths

        show_lengths(report, Console())
        if out is not None:
            typer.echo(f"{out / 'lengths.json'} and {out / 'lengths.png'}")


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise ConfigError(
            f"{option} {text!r} is no list of numbers.", f"Write {option} 50,99.5 for example."
        ) from error


def _whole(number: float) -> int:
    if number != int(number):
        raise ConfigError(f"--cutoffs {number:g} is no number of tokens.", "Write --cutoffs 512,1024 for example.")
    return int(number)
