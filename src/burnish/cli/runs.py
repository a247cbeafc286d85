"""``burnish runs``: what the ledger knows, and how to end a run that works in the background."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli import options
from burnish.cli.monitor import run_folder
from burnish.cli.reporting import reported

if TYPE_CHECKING:
    from burnish.ledger.store import Ledger, RunRow

app = typer.Typer(help="List runs, show what one made and measured, end one.", no_args_is_help=True)
RunsDir = Annotated[Path, typer.Option("--runs-dir", help="Where run folders and the ledger lie.", metavar="FOLDER")]


@app.callback()
def runs() -> None:
    """List runs, show what one made and measured, end one."""


@app.command("list")
def list_runs(runs_dir: options.RunsDir = Path("runs")) -> None:
    """All runs, the latest first."""
    with reported(), _open(runs_dir) as ledger:
        for run in ledger.runs():
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.updated_at))
            gone = "" if run.path.is_dir() else "  (folder removed)"
            typer.echo(f"{when}  {run.state:<11}  {run.name}  {run.run_id[:8]}{gone}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the run, or the beginning of its id.", show_default=False)],
    runs_dir: options.RunsDir = Path("runs"),
) -> None:
    """Stages of a run: time, peak memory, results, what they read and made."""
    with reported(), _open(runs_dir) as ledger:
        run = _find(ledger, name)
        typer.echo(f"{run.name}  {run.run_id}  {run.state}  {run.path}")
        for stage in ledger.stages(run.run_id):
            memory = f"{stage.peak_bytes / 2**20:.0f} MiB" if stage.peak_bytes is not None else "not measured"
            typer.echo(f"\n{stage.name} ({stage.kind})  {stage.seconds:.1f} s  peak {memory}")
            for title, pairs in (("read", stage.parents), ("made", stage.artefacts)):
                for key, digest in pairs.items():
                    typer.echo(f"  {title}  {digest[:12]}  {key}")
            for key, value in stage.metrics.items():
                typer.echo(f"  {key} = {value:g}")


@app.command("fork")
def fork(
    name: Annotated[str, typer.Argument(help="Name of the run, or its folder.", show_default=False, metavar="RUN")],
    new: Annotated[str, typer.Argument(help="Name of the new run.", show_default=False, metavar="NEW")],
    runs_dir: options.RunsDir = Path("runs"),
    step: Annotated[int | None, typer.Option("--step", help="Of the checkpoint; the newest if not said.")] = None,
) -> None:
    """Begin a new run that goes on from a checkpoint of another; the other one stays as it is."""
    with reported():
        from burnish.workflows.fork import fork_run

        out = fork_run(run_folder(name, runs_dir), new, step=step)
        typer.echo(f"{out}: go on with the same recipe and --set name={new}")


@app.command("stop")
def stop_run(
    name: Annotated[str, typer.Argument(help="Name of the run, or its folder.", show_default=False, metavar="RUN")],
    runs_dir: options.RunsDir = Path("runs"),
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for its end.", min=0)] = 300.0,
) -> None:
    """End a run as Ctrl-C would: a training finishes its step and saves a checkpoint."""
    with reported("The run was told to end, and ends on its own."):
        from burnish.errors import RunFolderError, UserError
        from burnish.ledger.process import stop

        folder = run_folder(name, runs_dir)
        try:
            ended = stop(folder, wait)
        except ProcessLookupError as error:
            raise RunFolderError(
                f"nobody works on {folder}", "A run that was killed goes on with the command that began it."
            ) from error
        if not ended:
            raise UserError(
                f"{folder} was told to end and has not within {wait:g} s",
                f"Wait, and look with: burnish monitor {folder}",
            )
        typer.echo(f"{folder} has ended; the command that began it goes on where it was")


def _open(runs_dir: Path) -> Ledger:
    from burnish.errors import DataError
    from burnish.ledger.store import Ledger

    path = runs_dir / "ledger.sqlite"
    if not path.is_file():
        raise DataError(f"there is no ledger {path}", "Run a recipe first, or name the folder with --runs-dir.")
    return Ledger(path)


def _find(ledger: Ledger, name: str) -> RunRow:
    from burnish.errors import DataError

    known = ledger.runs()
    for run in known:
        if run.name == name or run.run_id.startswith(name):
            return run
    names = ", ".join(dict.fromkeys(run.name for run in known)) or "none"
    raise DataError(f"the ledger knows no run {name!r}", f"It knows: {names}.")
