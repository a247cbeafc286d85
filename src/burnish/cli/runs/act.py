"""``burnish runs fork|stop|reproduce|remove``: act on an existing run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.cli.runs.monitor import run_folder
from burnish.wording import counted

if TYPE_CHECKING:
    from burnish.workflows.evaluate.reproduce import Reproduction
    from burnish.workflows.manage.remove import Removal

DIFFERS = 1
"""Exit code of a reproduction that differs significantly."""


def reproduce(
    name: Annotated[
        str, typer.Argument(help="An evaluation, or a run with an evaluate stage.", show_default=False, metavar="RUN")
    ],
    stage: Annotated[str | None, typer.Option("--stage", help="Evaluate stage of the run; default: all.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="New folder for the result; default: next to the run.", metavar="FOLDER"),
    ] = None,
    runs_dir: options.RunsDir = Path("runs"),
) -> None:
    """Repeat an evaluation with the same model, tasks, sampling and verifier; compare rows.

    Exit code 1 if the difference is significant.
    """
    with reported("Finished batches are kept; pass the same folder with --out to continue."):
        from burnish.errors import ConfigError
        from burnish.ledger.lookup import find_run, folder_of, open_ledger

        with open_ledger(runs_dir) as ledger:
            run = find_run(ledger, name)
            stages = ledger.stages(run.run_id)
        from burnish.workflows.evaluate.reproduce import evaluations
        from burnish.workflows.evaluate.reproduce import reproduce as reproduce_evaluation

        evaluate_stages = evaluations(run, stages)
        if stage is not None and stage not in evaluate_stages:
            raise ConfigError(
                f"{run.name} has no evaluate stage {stage!r}", f"Its evaluate stages are: {', '.join(evaluate_stages)}."
            )
        wanted = evaluate_stages if stage is None else [stage]
        if out is not None and len(wanted) > 1:
            raise ConfigError("--out takes one evaluation", f"Choose one with --stage: {', '.join(wanted)}.")
        differs = False
        for stage_run in stages:
            if stage_run.name in wanted:
                label = run.name if run.kind == "evaluation" else f"{run.name}.{stage_run.name}"
                folder = out or _fresh(run.path.parent if run.path.parent.is_dir() else runs_dir, label)
                done = reproduce_evaluation(run, folder_of(run, runs_dir), stage_run, folder)
                _show(done)
                differs |= done.significant
        if differs:
            raise typer.Exit(DIFFERS)


def remove(
    name: Annotated[str, typer.Argument(help="Name of the run, or its folder.", show_default=False, metavar="RUN")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove it although other runs depend on it.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
) -> None:
    """Delete a run: its folder and its ledger entries."""
    with reported("Run the same command again to finish."):
        import sys

        from burnish.errors import UserError
        from burnish.ledger.lookup import find_run, open_ledger
        from burnish.workflows.manage.remove import plan_removal, remove_run

        with open_ledger(runs_dir) as ledger:
            removal = plan_removal(ledger, find_run(ledger, name), runs_dir, force=force)
            if not yes:
                if not sys.stdin.isatty():
                    raise UserError(f"removing {_what(removal)} needs confirmation", "Add --yes.")
                if not typer.confirm(f"remove {_what(removal)}?"):
                    typer.echo("nothing was removed")
                    return
            remove_run(ledger, removal)
        typer.echo(f"removed {_what(removal)}")
        for dependent in removal.dependents:
            typer.echo(f"can no longer be reproduced: {dependent}")


def fork(
    name: Annotated[str, typer.Argument(help="Name of the run, or its folder.", show_default=False, metavar="RUN")],
    new: Annotated[str, typer.Argument(help="Name of the new run.", show_default=False, metavar="NEW")],
    runs_dir: options.RunsDir = Path("runs"),
    step: Annotated[int | None, typer.Option("--step", help="Step of the checkpoint; default: the newest.")] = None,
) -> None:
    """Start a new run from a checkpoint of another run, which stays unchanged."""
    with reported():
        from burnish.workflows.manage.fork import fork_run

        out = fork_run(run_folder(name, runs_dir), new, step=step)
        typer.echo(f"{out}: continue with the same recipe and --set name={new}")


def stop_run(
    name: Annotated[str, typer.Argument(help="Name of the run, or its folder.", show_default=False, metavar="RUN")],
    runs_dir: options.RunsDir = Path("runs"),
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the run to end.", min=0)] = 300.0,
) -> None:
    """Stop a run as Ctrl-C does: training finishes its step and saves a checkpoint."""
    with reported("The stop signal was sent; the run ends on its own."):
        from burnish.errors import RunFolderError, UserError
        from burnish.ledger.process import stop

        folder = run_folder(name, runs_dir)
        try:
            ended = stop(folder, wait)
        except ProcessLookupError as error:
            raise RunFolderError(
                f"no process is working on {folder}", "To continue a killed run, run the command that started it."
            ) from error
        if not ended:
            raise UserError(
                f"{folder} did not stop within {wait:g} s",
                f"Wait, and watch it with: burnish monitor {folder}",
            )
        typer.echo(f"{folder} has stopped; run the command that started it to continue")


def _fresh(beside: Path, name: str) -> Path:
    """Choose a folder name that does not exist yet."""
    number = 1
    while (folder := beside / f"{name}.again-{number}").exists():
        number += 1
    return folder


def _what(removal: Removal) -> str:
    if removal.folder is None:
        return f"{removal.run.name} ({removal.run.run_id[:8]}), whose folder is gone,"
    return f"{removal.run.name} ({removal.run.run_id[:8]}): {removal.folder}, {removal.size_bytes / 2**20:.1f} MiB"


def _show(done: Reproduction) -> None:
    """Print the outcome, as text and as the paired table."""
    from rich.console import Console

    from burnish.report.terminal.answers import render_report

    for note in done.notes:
        typer.echo(f"note: {note}")
    if done.identical:
        typer.echo(f"{done.of}: identical, all {counted(done.rows, 'row')}")
    else:
        render_report(done.comparison, Console())
        typer.echo(
            f"{done.of}: of {done.rows} rows {done.other_texts} have another text, {done.other_outcomes} another "
            f"outcome; the difference is {'SIGNIFICANT' if done.significant else 'within chance'}"
        )
    typer.echo(done.folder)
