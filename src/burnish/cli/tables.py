"""Print results to stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from burnish.workflows.plan_matrix import MatrixTable


def show_run(folder: Path) -> None:
    """The table of a run's summary when it has one, and where everything lies."""
    import typer

    summary = folder / "summary.json"
    if summary.is_file():
        show_summary(json.loads(summary.read_text(encoding="utf-8")))
    page = folder / "report.html"
    typer.echo(f"{page if page.is_file() else folder}")


def show_summary(summary: Mapping[str, Any]) -> None:
    """The table of a summary, and those of its answers where it has some of other kinds than Rust."""
    from rich.console import Console

    from burnish.report.table import render_table

    console = Console()
    render_table({key: value for key, value in summary.items() if key != "answers"}, console)
    if "answers" in summary:
        from burnish.report.answers import render_answers

        render_answers(summary, console)


def show_validation(report: Mapping[str, Any], out: Path) -> None:
    """Unsound tasks with their reasons, what could not be proven, and where the exclusion file lies."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [("excluded", row) for row in report["excluded"]] + [("not proven", row) for row in report["unproven"]]
    console = Console()
    if rows:
        table = Table("task", "is", "because", "detail")
        for state, row in rows:
            table.add_row(Text(row["id"]), state, row["reason"], Text(row["detail"][:200]))
        console.print(table)
    console.print(f"{report['sound']} of {report['tasks']} tasks are sound, {len(report['excluded'])} excluded.")
    console.print(f"Leave them out with --set tasks.exclude={out / 'exclusions.json'}", soft_wrap=True)


def show_matrix(matrix: MatrixTable) -> None:
    """What goes together, a line per kind of training and base, then the reasons of what does not."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from burnish.workflows.plan_matrix import COLUMNS

    table = Table(*COLUMNS)
    for row in matrix.rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    console.print(table)
    for number, reason in enumerate(matrix.reasons, 1):
        console.print(Text(f"[{number}] {reason}"), soft_wrap=True)
