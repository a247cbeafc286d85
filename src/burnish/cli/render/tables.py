"""Print results to stdout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burnish.errors import DataError
from burnish.records.layout import REPORT_PAGE, SUMMARY

if TYPE_CHECKING:
    from burnish.plan.matrix import MatrixTable
    from burnish.records.summary import Summary
    from burnish.workflows.answer.generate import SideBySide
    from burnish.workflows.evaluate.all_models import OneModel


def show_run(folder: Path) -> None:
    """Print the summary table of a run, if any, and the path of its results."""
    import typer

    from burnish.workflows.evaluate.summary_file import read_summary

    summary = folder / SUMMARY
    if summary.is_file():
        try:
            show_summary(read_summary(summary))
        except DataError as error:  # written by an earlier version: no reason to fail now
            typer.echo(error.cause, err=True)
    page = folder / REPORT_PAGE
    typer.echo(f"{page if page.is_file() else folder}")


def show_summary(summary: Summary) -> None:
    """Print the tables of a summary: rates, answers by kind, comparisons, time and memory."""
    from rich.console import Console

    from burnish.report.terminal.table import render_summary

    render_summary(summary, Console())


def show_validation(report: Mapping[str, Any], out: Path) -> None:
    """Print unsound tasks with reasons, unproven checks, and the exclusion file."""
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
    beside = Counter(
        grading["reason"] for grading in report.get("grading", {}).values() if grading["grading"] == "in_process"
    )
    if report.get("gradings"):
        counts = ", ".join(f"{many} {name}" for name, many in report["gradings"].items())
        console.print(f"Where tests run, seen from the answer: {counts}.")
    for reason, many in beside.most_common(10):
        console.print(Text(f"  in_process, {many}: {reason[:160]}"), soft_wrap=True)
    console.print(f"{report['sound']} of {report['tasks']} tasks are sound, {len(report['excluded'])} excluded.")
    console.print(f"Exclude them with --set tasks.exclude={out / 'exclusions.json'}", soft_wrap=True)


def show_matrix(matrix: MatrixTable) -> None:
    """Print allowed combinations per training method and base, then reasons for the others."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from burnish.plan.matrix import COLUMNS

    table = Table(*COLUMNS)
    for row in matrix.rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    console.print(table)
    for number, reason in enumerate(matrix.reasons, 1):
        console.print(Text(f"[{number}] {reason}"), soft_wrap=True)


def show_side_by_side(rows: Sequence[SideBySide]) -> None:
    """Print each prompt with the models' answers below it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for row in rows:
        console.print(Text(f"\n{row.prompt}", style="bold"))
        table = Table(expand=True, show_lines=True)
        for name, _ in row.answers:
            table.add_column(Text(name))
        table.add_row(*(Text(answer.text) for _, answer in row.answers))
        table.add_row(
            *(
                Text(
                    f"{answer.completion_tokens} tokens, {answer.seconds:.2f} s, ended by {answer.finish_reason}",
                    style="dim",
                )
                for _, answer in row.answers
            )
        )
        console.print(table)


def show_models(models: Sequence[OneModel]) -> None:
    """Print the result of each model; failed models come last, with the reason."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from burnish.records.summary import Precision
    from burnish.report.terminal.answers import precision_text

    console = Console()
    table = Table("model", "digest", "is", "computed in", "result")
    for model in models:
        computed = precision_text(Precision(dtype=model.dtype, quantization=model.quantization))
        table.add_row(Text(model.name), model.digest[:12], model.state, computed, Text(model.headline))
    console.print(table)
    for model in models:
        if model.state == "failed":
            console.print(Text(f"{model.name} failed: {model.problem}"), soft_wrap=True)
