"""``burnish runs fork|stop|reproduce|remove``: doing something with a run that is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.cli.runs.monitor import run_folder

if TYPE_CHECKING:
    from burnish.workflows.evaluate.reproduce import Reproduction
    from burnish.workflows.manage.remove import Removal

DIFFERS = 1
"""Exit code of a reproduction whose difference is more than chance."""


def reproduce(
    name: Annotated[
        str, typer.Argument(help="An evaluation, or a run that evaluates.", show_default=False, metavar="RUN")
    ],
    stage: Annotated[
        str | None, typer.Option("--stage", help="Which evaluate stage of a run; all if not given.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A new folder; beside the run if not given.", metavar="FOLDER"),
    ] = None,
    runs_dir: options.RunsDir = Path("runs"),
) -> None:
    """Evaluate again with the same model, tasks, sampling and verifier, and compare row by row.

    Exit code 1 if the difference is significant.
    """
    with reported("Finished batches are kept; name the same folder with --out to go on."):
        from burnish.errors import ConfigError
        from burnish.ledger.lookup import find_run, folder_of, open_ledger

        with open_ledger(runs_dir) as ledger:
            run = find_run(ledger, name)
            stages = ledger.stages(run.run_id)
        from burnish.workflows.evaluate.reproduce import evaluations
        from burnish.workflows.evaluate.reproduce import reproduce as reproduce_evaluation

        there = evaluations(run, stages)
        if stage is not None and stage not in there:
            raise ConfigError(f"{run.name} has no evaluate stage {stage!r}", f"It has: {', '.join(there)}.")
        wanted = there if stage is None else [stage]
        if out is not None and len(wanted) > 1:
            raise ConfigError("--out is for one evaluation", f"Say which with --stage: {', '.join(wanted)}.")
        differs = False
        for one in stages:
            if one.name in wanted:
                label = run.name if run.kind == "evaluation" else f"{run.name}.{one.name}"
                folder = out or _fresh(run.path.parent if run.path.parent.is_dir() else runs_dir, label)
                done = reproduce_evaluation(run, folder_of(run, runs_dir), one, folder)
                _show(done)
                differs |= done.significant
        if differs:
            raise typer.Exit(DIFFERS)


def remove(
    name: Annotated[str, typer.Argument(help="Name of the run, or its folder.", show_default=False, metavar="RUN")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove it although others were made from it.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
) -> None:
    """Delete a run: its folder and what the ledger knows of it."""
    with reported("Remove it again to finish."):
        import sys

        from burnish.errors import UserError
        from burnish.ledger.lookup import find_run, open_ledger
        from burnish.workflows.manage.remove import plan_removal, remove_run

        with open_ledger(runs_dir) as ledger:
            removal = plan_removal(ledger, find_run(ledger, name), runs_dir, force=force)
            if not yes:
                if not sys.stdin.isatty():
                    raise UserError(f"removing {_what(removal)} wants a yes", "Add --yes.")
                if not typer.confirm(f"remove {_what(removal)}?"):
                    typer.echo("nothing was removed")
                    return
            remove_run(ledger, removal)
        typer.echo(f"removed {_what(removal)}")
        for one in removal.dependents:
            typer.echo(f"cannot be reproduced any more: {one}")


def fork(
    name: Annotated[str, typer.Argument(help="Name of the run, or its folder.", show_default=False, metavar="RUN")],
    new: Annotated[str, typer.Argument(help="Name of the new run.", show_default=False, metavar="NEW")],
    runs_dir: options.RunsDir = Path("runs"),
    step: Annotated[int | None, typer.Option("--step", help="Of the checkpoint; the newest if not said.")] = None,
) -> None:
    """Begin a new run that goes on from a checkpoint of another; the other one stays as it is."""
    with reported():
        from burnish.workflows.manage.fork import fork_run

        out = fork_run(run_folder(name, runs_dir), new, step=step)
        typer.echo(f"{out}: go on with the same recipe and --set name={new}")


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


def _fresh(beside: Path, name: str) -> Path:
    """A folder that is not there yet."""
    number = 1
    while (folder := beside / f"{name}.again-{number}").exists():
        number += 1
    return folder


def _what(removal: Removal) -> str:
    if removal.folder is None:
        return f"{removal.run.name} ({removal.run.run_id[:8]}), whose folder is gone,"
    return f"{removal.run.name} ({removal.run.run_id[:8]}): {removal.folder}, {removal.size_bytes / 2**20:.1f} MiB"


def _show(done: Reproduction) -> None:
    """What came out, as text and as the paired table."""
    from rich.console import Console

    from burnish.report.terminal.answers import render_report

    for note in done.notes:
        typer.echo(f"note: {note}")
    if done.identical:
        typer.echo(f"{done.of}: identical, all {done.rows} rows")
    else:
        render_report(done.comparison, Console())
        typer.echo(
            f"{done.of}: of {done.rows} rows {done.other_texts} have another text, {done.other_outcomes} another "
            f"outcome; the difference is {'SIGNIFICANT' if done.significant else 'within chance'}"
        )
    typer.echo(done.folder)
