"""Print the lengths of training rows to the terminal, and draw them as an image.

Rich and matplotlib are imported on first use. Not covered: the HTML report.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burnish.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

COLOUR = "#3578e5"
LIMIT_COLOUR = "#c94f6d"


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
