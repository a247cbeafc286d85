"""Print results to stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def show_run(folder: Path) -> None:
    """The table of a run's summary when it has one, and where everything lies."""
    import typer

    summary = folder / "summary.json"
    if summary.is_file():
        show_summary(json.loads(summary.read_text(encoding="utf-8")))
    page = folder / "report.html"
    typer.echo(f"{page if page.is_file() else folder}")


def show_summary(summary: Mapping[str, Any]) -> None:
    """The table of a summary."""
    from rich.console import Console

    from burnish.report.table import render_table

    render_table(summary, Console())
