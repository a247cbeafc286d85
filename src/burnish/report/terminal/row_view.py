"""Print training rows and their lengths to the terminal, and draw lengths as an image.

Rich and matplotlib are imported on first use. Not covered: the HTML report.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from burnish.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

TRAINED, UNTRAINED = "bold green", "dim"
COLOUR = "#3578e5"
LIMIT_COLOUR = "#c94f6d"


class SpanLike(Protocol):
    """Consecutive tokens of a row that are all trained, or all not."""

    @property
    def text(self) -> str: ...
    @property
    def trained(self) -> bool: ...


class EncodedLike(Protocol):
    """One sequence that an example becomes."""

    @property
    def id(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def first_ids(self) -> tuple[int, ...]: ...
    @property
    def last_ids(self) -> tuple[int, ...]: ...
    @property
    def trained(self) -> int: ...
    @property
    def spans(self) -> Sequence[SpanLike]: ...
    @property
    def cut_tokens(self) -> int: ...
    @property
    def cut_answer(self) -> bool: ...


class RowLike(Protocol):
    """An example with each step of its encoding."""

    @property
    def number(self) -> int: ...
    @property
    def record(self) -> dict[str, Any]: ...
    @property
    def turns(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def text(self) -> str: ...
    @property
    def tokens(self) -> int: ...
    @property
    def max_length(self) -> int: ...
    @property
    def refused(self) -> bool: ...
    @property
    def rows(self) -> Sequence[EncodedLike]: ...


def show_row(view: RowLike, console: Console) -> None:
    """Print the steps of one row."""
    from rich.json import JSON
    from rich.text import Text

    def heading(step: int, title: str) -> None:
        console.print(Text(f"{step}  {title}", style="bold"))

    console.rule(Text(f"row {view.number}: {view.record['id']}"), align="left")
    heading(1, "record")
    console.print(JSON(json.dumps(view.record, ensure_ascii=False)), soft_wrap=True)
    heading(2, "messages" if view.turns else "document")
    for role, content in view.turns:
        console.print(Text.assemble((f"{role:>9}  ", "cyan"), content), soft_wrap=True)
    heading(3, f"text after the chat template, {len(view.text)} characters" if view.turns else "text")
    console.print(Text(view.text), soft_wrap=True)
    for row in view.rows:
        part = "" if len(view.rows) == 1 else f" of {row.id}"
        heading(4, f"{row.tokens} token ids{part}")
        first, last = " ".join(map(str, row.first_ids)), " ".join(map(str, row.last_ids))
        short = row.tokens <= len(row.first_ids)
        console.print(first if short else f"{first} ... {last}", highlight=False, soft_wrap=True)
        heading(5, "truncation")
        console.print(_truncation(view, row), highlight=False, soft_wrap=True)
        heading(6, f"mask: {row.trained} of {row.tokens} tokens trained ({row.trained / max(1, row.tokens):.0%})")
        console.print(
            Text.assemble(*((s.text, TRAINED if s.trained else UNTRAINED) for s in row.spans)), soft_wrap=True
        )
    console.print()


def _truncation(view: RowLike, row: EncodedLike) -> str:
    if view.refused:
        return (
            f"[red]{row.tokens} tokens are more than max_length {view.max_length}: the gate will refuse the row[/red]"
        )
    if len(view.rows) > 1:
        return f"split into {counted(len(view.rows), 'row')} of at most {view.max_length} tokens; no token is lost"
    if not row.cut_tokens:
        return f"nothing: {row.tokens} tokens fit into max_length {view.max_length}"
    answer = ", [red]the end of the answer with them[/red]" if row.cut_answer else "; the answer is whole"
    return f"{row.cut_tokens} of {view.tokens} tokens are cut to fit into {view.max_length}{answer}"


def show_lengths(report: dict[str, Any], console: Console) -> None:
    """Print the tables of a length report, given as its JSON, and the recommendation."""
    from rich.table import Table

    unit = report["unit"]
    console.print(
        f"{counted(report['rows'], 'row')}: {report['shortest']} to {report['longest']} {unit}, "
        f"mean {report['mean']:.1f}, {report['total']} in all",
        highlight=False,
    )
    table = Table("percentile", unit)
    for column in table.columns:
        column.justify = "right"
    for percent, length in report["percentiles"]:
        table.add_row(f"{percent:g} %", str(length))
    console.print(table)
    if report["cutoffs"]:
        table = Table(
            "max_length", "truncated rows", "share", "tokens lost", "filled when packed", "filled when padded"
        )
        for column in table.columns:
            column.justify = "right"
        chosen = report["recommended"]["max_length"]
        for limit in report["cutoffs"]:
            cells = [str(limit["max_length"]), str(limit["truncated"])]
            cells += [
                f"{limit[key]:.2%}"
                for key in ("truncated_share", "lost_share", "packing_efficiency", "padding_efficiency")
            ]
            table.add_row(*cells, style="bold" if limit["max_length"] == chosen else "")
        console.print(table)
    if report["recommended"] is not None:
        console.print(f"[bold]take max_length {report['recommended']['max_length']}[/bold]", highlight=False)
        console.print(report["recommended"]["why"], highlight=False)


def draw_lengths(lengths: Sequence[int], report: dict[str, Any], path: Path) -> None:
    """Write a histogram of the lengths as PNG: percentiles as thin lines, the recommended limit as a thick one."""
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained", dpi=144)
    panel = figure.subplots()
    longest = max(report["longest"], 1)
    panel.hist(np.asarray(lengths), bins=min(60, longest), range=(0, longest), color=COLOUR, alpha=0.85)
    top = panel.get_ylim()[1]
    panel.set_ylim(0, top * 1.3)
    panel.set_title(f"Length of {counted(report['rows'], 'row')}", loc="left", fontsize=11)
    if report["recommended"] is not None:
        limit = report["recommended"]["max_length"]
        panel.axvline(limit, color=LIMIT_COLOUR, linewidth=1.8)
        panel.set_title(f"max_length {limit}", loc="right", fontsize=11, color=LIMIT_COLOUR)
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for level, (percent, length) in enumerate(report["percentiles"]):
        panel.axvline(length, color="#444444", linewidth=0.7, linestyle=":")
        # Labels of close percentiles must not overlap.
        height = top * (1.27 - 0.07 * (level % 4))
        panel.annotate(f"{percent:g} %", (length, height), fontsize=8, ha="right", va="top", bbox=behind)
    panel.set_xlim(left=0)
    panel.set_xlabel(report["unit"])
    panel.set_ylabel("rows")
    panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Software": None})
