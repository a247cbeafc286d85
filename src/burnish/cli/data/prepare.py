"""``burnish data prepare``: filter and mix rows from any source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from burnish.workflows.rows.filter_counts import FilterStats


@options.grouped
def prepare(settings: options.Settings) -> None:
    """Read, filter and mix sources, and write the remaining rows."""
    with reported("No rows were written; verdicts found so far are kept."):
        from burnish.config.verbs.prepare import PrepareConfig
        from burnish.workflows.rows.prepare import prepare_data

        config = settings.load(PrepareConfig)
        show_stats(prepare_data(config), config.out)


def show_stats(stats: FilterStats, out: Path) -> None:
    """Show counts per source and reason, then the output file."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

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
    console.print(f"{counted(stats.written, 'row')} in {out / 'rows.jsonl'}", soft_wrap=True, highlight=False)
