"""Print results to stdout."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.errors import DataError
from burnish.plan.matrix import COLUMNS
from burnish.records.layout import REPORT_PAGE, ROWS, SUMMARY
from burnish.records.summary import Precision, Summary
from burnish.report.terminal.answers import precision_text
from burnish.report.terminal.table import render_summary
from burnish.wording import counted

if TYPE_CHECKING:
    from burnish.data.cache import Entry
    from burnish.plan.matrix import MatrixTable
    from burnish.workflows.answer.generate import SideBySide
    from burnish.workflows.evaluate.all_models import OneModel
    from burnish.workflows.rows.filter_counts import FilterStats

_KEY_SHOWN = 60


def show_run(folder: Path) -> None:
    """Print the summary table of a run, if any, and the path of its results."""
    from burnish.workflows.evaluate.rescore import read_summary

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
    render_summary(summary, Console())


def show_validation(report: Mapping[str, Any], out: Path) -> None:
    """Print unsound tasks with reasons, unproven checks, and the exclusion file."""
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
    table = Table(*COLUMNS)
    for row in matrix.rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    console.print(table)
    for number, reason in enumerate(matrix.reasons, 1):
        console.print(Text(f"[{number}] {reason}"), soft_wrap=True)


def show_side_by_side(rows: Sequence[SideBySide]) -> None:
    """Print each prompt with the models' answers below it."""
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
    console = Console()
    table = Table("model", "digest", "is", "computed in", "result")
    for model in models:
        computed = precision_text(Precision(dtype=model.dtype, quantization=model.quantization))
        table.add_row(Text(model.name), model.digest[:12], model.state, computed, Text(model.headline))
    console.print(table)
    for model in models:
        if model.state == "failed":
            console.print(Text(f"{model.name} failed: {model.problem}"), soft_wrap=True)


def show_stats(stats: FilterStats, out: Path) -> None:
    """Show counts per source and reason, then the output file."""
    console = Console()
    table = Table("source", "rows", "%")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, counts in stats.sources.items():
        table.add_row(Text(name, overflow="fold"), str(counts.total), "")
        lines = {"stay": counts.passed, **{reason: counts.reasons[reason] for reason in stats.reasons()}}
        for title, count in lines.items():
            if count or title == "stay":
                table.add_row(Text(f"  {title}"), str(count), f"{100 * count / max(counts.total, 1):.1f}")
    console.print(table)
    console.print(f"{counted(stats.written, 'row')} in {out / ROWS}", soft_wrap=True, highlight=False)


def show_entries(entries: Sequence[Entry]) -> None:
    """Print the entries of a cache of prepared data, and their size."""
    if entries:
        table = Table("step", "entry", "size", "last used", "key")
        for entry in entries:
            key = "broken" if entry.key is None else json.dumps(entry.key, ensure_ascii=False)
            shown = key if len(key) <= _KEY_SHOWN else key[: _KEY_SHOWN - 1] + "…"
            used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used_at))
            table.add_row(Text(entry.step), entry.digest[:12], _size(entry.bytes), used, Text(shown))
        Console().print(table)
    typer.echo(amount(entries))


def amount(entries: Sequence[Entry]) -> str:
    """Format the number and the size of entries."""
    return f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}, {_size(sum(e.bytes for e in entries))}"


def _size(count: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"
