"""``burnish runs list|show|diff|tree``: read the ledger, as text or as one JSON value."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.cli import options
from burnish.cli.errors import reported

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

    from burnish.ledger.diff import Difference
    from burnish.ledger.lineage import Lineage, Read
    from burnish.ledger.store import RunRow

Name = Annotated[str, typer.Argument(help="Name of the run, a prefix of its id, or its folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SHORT = 12
"""Digits of a digest that are shown."""


def list_runs(as_json: AsJson = False, runs_dir: options.RunsDir = Path("runs")) -> None:
    """List all runs and evaluations, latest first."""
    with reported():
        from burnish.ledger.lookup import folder_of, open_ledger

        with open_ledger(runs_dir) as ledger:
            known = [(run, folder_of(run, runs_dir)) for run in ledger.runs()]
        if as_json:
            typer.echo(json.dumps([_run_data(run, folder) for run, folder in known], indent=2))
            return
        for run, folder in known:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.updated_at))
            removed = "" if folder is not None else "  (folder removed)"
            typer.echo(f"{when}  {run.state:<11}  {run.kind:<10}  {run.name}  {run.run_id[:8]}{removed}")


def show(name: Name, as_json: AsJson = False, runs_dir: options.RunsDir = Path("runs")) -> None:
    """Show the stages of a run: time, peak memory, results, inputs and outputs."""
    with reported():
        from burnish.ledger.lookup import find_run, folder_of, open_ledger

        with open_ledger(runs_dir) as ledger:
            run = find_run(ledger, name)
            stages = ledger.stages(run.run_id)
        if as_json:
            data = _run_data(run, folder_of(run, runs_dir)) | {"stages": [asdict(stage) for stage in stages]}
            typer.echo(json.dumps(data, indent=2))
            return
        typer.echo(f"{run.name}  {run.run_id}  {run.state}  {run.path}")
        if run.fork_point is not None:
            typer.echo(f"forked from {run.fork_of}, {run.fork_point}")
        for stage in stages:
            memory = f"{stage.peak_bytes / 2**20:.0f} MiB" if stage.peak_bytes is not None else "not measured"
            typer.echo(f"\n{stage.name} ({stage.kind})  {stage.seconds:.1f} s  peak {memory}")
            for title, pairs in (("read", stage.parents), ("made", stage.artefacts)):
                for key, digest in pairs.items():
                    typer.echo(f"  {title}  {digest[:SHORT]}  {key}")
            for key, value in stage.metrics.items():
                typer.echo(f"  {key} = {value:g}")


def diff(
    a: Annotated[str, typer.Argument(help="The run to compare with.", show_default=False)],
    b: Annotated[str, typer.Argument(help="The other run.", show_default=False)],
    as_json: AsJson = False,
    runs_dir: options.RunsDir = Path("runs"),
) -> None:
    """Show differences between two runs: recipe, digests, versions, outputs and results."""
    with reported():
        from rich.console import Console

        from burnish.ledger.diff import diff_runs
        from burnish.ledger.lookup import find_run, open_ledger

        with open_ledger(runs_dir) as ledger:
            differences = diff_runs(ledger, find_run(ledger, a), find_run(ledger, b), runs_dir)
        if as_json:
            typer.echo(json.dumps(asdict(differences), indent=2))
            return
        console = Console()
        for title, rows in (
            ("recipe", differences.recipe),
            ("digests", differences.digests),
            ("versions", differences.versions),
            ("made", differences.stages),
        ):
            _show_differences(title, rows, differences.a, differences.b, console)
        _show_differences("results", differences.results, differences.a, differences.b, console)
        for run in differences.missing:
            typer.echo(f"the folder of {run} is gone: its recipe, digests and machine are no longer known")
        typer.echo("to test the difference of results: burnish compare FOLDER FOLDER")


def tree(
    name: Annotated[
        str | None,
        typer.Argument(help="Run to show with its relatives; default: all runs.", show_default=False, metavar="RUN"),
    ] = None,
    as_json: AsJson = False,
    runs_dir: options.RunsDir = Path("runs"),
) -> None:
    """Show lineage from data to export: inputs and outputs of each stage, and their runs."""
    with reported():
        from rich.console import Console

        from burnish.ledger.lineage import Lineage
        from burnish.ledger.lookup import find_run, open_ledger

        with open_ledger(runs_dir) as ledger:
            lineage = Lineage(ledger)
            run = find_run(ledger, name) if name is not None else None
        shown = set(lineage.runs) if run is None else lineage.related(run.run_id)
        if as_json:
            data = [_lineage_data(lineage, run_id) for run_id in lineage.runs if run_id in shown]
            typer.echo(json.dumps(data, indent=2))
            return
        console = Console(highlight=False, soft_wrap=True)
        drawn: set[str] = set()
        for run_id in lineage.runs:
            if run_id in shown and not any(link.parent in shown for link in lineage.parents(run_id)):
                console.print(_draw(lineage, run_id, shown, drawn))


def _run_data(run: RunRow, folder: Path | None) -> dict[str, Any]:
    return asdict(run) | {"path": str(run.path), "folder": None if folder is None else str(folder)}


def _show_differences(title: str, rows: list[Difference], a: str, b: str, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if not rows:
        console.print(Text(f"{title}: no difference"))
        return
    table = Table(box=None, pad_edge=False)
    for column in (title, a, b, *(["difference"] if title == "results" else [])):
        table.add_column(Text(column))
    for row in rows:
        cells = [Text(row.name), *(Text(_cell(value, title)) for value in (row.a, row.b))]
        both = isinstance(row.a, int | float) and isinstance(row.b, int | float)
        table.add_row(*cells, *([Text(f"{row.b - row.a:+.4g}" if both else "")] if title == "results" else []))
    console.print(table, "")


def _cell(value: Any, title: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5g}"
    return value[:SHORT] if title == "digests" else value if isinstance(value, str) else json.dumps(value)


def _lineage_data(lineage: Lineage, run_id: str) -> dict[str, Any]:
    run = lineage.runs[run_id]
    stages = [
        {
            "name": stage.name,
            "kind": stage.kind,
            "reads": [asdict(read) for read in lineage.reads(run_id, stage)],
            "made": dict(stage.artefacts),
        }
        for stage in lineage.stages[run_id]
    ]
    parents = [asdict(link) for link in lineage.parents(run_id)]
    return {"run_id": run_id, "name": run.name, "kind": run.kind, "state": run.state} | {
        "parents": parents,
        "stages": stages,
    }


def _draw(lineage: Lineage, run_id: str, shown: set[str], drawn: set[str], how: str = "") -> Tree:
    """Print a run with its stages, then its descendants; each run in full only once."""
    from rich.text import Text
    from rich.tree import Tree

    run = lineage.runs[run_id]
    label = Text.assemble((run.name, "bold"), f"  {run.kind}, {run.state}", (f"  {how}" if how else "", "cyan"))
    branch = Tree(label)
    if run_id in drawn:
        label.append("  (above)")
        return branch
    drawn.add(run_id)
    for stage in lineage.stages[run_id]:
        leaf = branch.add(Text(f"{stage.name} ({stage.kind})"))
        for read in lineage.reads(run_id, stage):
            leaf.add(Text(f"read  {read.digest[:SHORT]}  {read.name}{_origin(read, run_id)}"))
        for artefact, digest in sorted(stage.artefacts.items()):
            leaf.add(Text(f"made  {digest[:SHORT]}  {artefact}"))
    for child, link in lineage.children(run_id):
        if child in shown:
            branch.add(_draw(lineage, child, shown, drawn, link.how))
    return branch


def _origin(read: Read, run_id: str) -> str:
    if read.source is None:
        return ""
    place = "/".join(filter(None, (read.source.stage, read.source.artefact)))
    where = place if read.source.run_id == run_id else f"{read.source.run}: {place}"
    return f"  <- {where}" + (f" (and {read.others} more runs produced it)" if read.others else "")
