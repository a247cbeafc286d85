"""``burnish compare A B``: compare two evaluations row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from burnish.cli.errors import reported

WORSE = 1
"""Exit code of ``--fail-if-worse``."""


def compare(
    a: Annotated[Path, typer.Argument(help="Folder of the baseline evaluation.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Folder of the evaluation to compare with A.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the comparison; default: compared/ in B.", metavar="FOLDER")
    ] = None,
    rerun: Annotated[
        Path | None,
        typer.Option(
            help="A second evaluation of A's model; shows the difference between equal models.", metavar="FOLDER"
        ),
    ] = None,
    fail_if_worse: Annotated[
        bool,
        typer.Option(
            "--fail-if-worse",
            help="Exit with code 1 if the interval of the main metric's difference is below 0.",
        ),
    ] = False,
) -> None:
    """Compare two evaluations of the same tasks: differences with intervals, wins, losses, disagreements."""
    with reported():
        from rich.console import Console

        from burnish.records.layout import COMPARISON_PAGE
        from burnish.report.terminal.answers import render_report
        from burnish.workflows.evaluate.compare import compare as compare_evaluations

        folder = out or b / "compared"
        report = compare_evaluations(a, b, folder, rerun=rerun)
        render_report(report, Console())
        typer.echo(f"{folder / COMPARISON_PAGE}")
        if fail_if_worse and report.worse:
            typer.echo(f"{report.b} is worse than {report.a}", err=True)
            raise typer.Exit(WORSE)
