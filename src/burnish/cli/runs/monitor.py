"""``burnish monitor``: show the state of a run, from another terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported

if TYPE_CHECKING:
    from burnish.ledger.status import RunStatus

REFRESH_S = 2.0
WIDTH = 100
HIDDEN = ("seconds_", "peak_reserved", "model_flops", "rewards/", "clip_ratio/", "logps/", "sampling/")
"""Prefixes of metrics left to the report: here they would bury the others."""
RATES = ("compile_rate", "tests_passed")
FIRST = ("round", "loss", "reward", *RATES, *(f"rollouts/{name}" for name in RATES))


def monitor(
    run: Annotated[str, typer.Argument(help="Name of the run, or its folder.", show_default=False, metavar="RUN")],
    once: Annotated[
        bool, typer.Option("--once", help="Show the status once and exit; default without a terminal.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
) -> None:
    """Show a run's stage, progress, time left, GPUs, metrics and warnings until it ends."""
    with reported("The run itself continues."):
        from burnish.ledger.status import read_status

        folder = run_folder(run, runs_dir)
        if as_json:
            import json
            from dataclasses import asdict

            typer.echo(json.dumps(asdict(read_status(folder)), indent=2))
        elif once or not sys.stdout.isatty():
            typer.echo("\n".join(status_lines(read_status(folder))))
        else:
            _follow(folder)


def run_folder(run: str, runs_dir: Path) -> Path:
    """Find a run's folder by name or path; raise DataError when it does not exist."""
    from burnish.errors import DataError

    for folder in (runs_dir / run, Path(run)):
        if folder.is_dir():
            return folder
    raise DataError(
        f"run {run} does not exist in {runs_dir}",
        "Give the name or folder of a run, and the folder of all runs with --runs-dir.",
    )


def status_lines(status: RunStatus) -> list[str]:
    """Format a status for the terminal."""
    pid = f" (process {status.pid})" if status.pid is not None else ""
    lines = [f"{status.name}  {status.state}{pid}  {status.path}"]
    marks = {"done": "done   ", "current": "now    " if status.state == "running" else "begun  ", "waiting": "waiting"}
    for stage in status.stages:
        seconds = f"  {stage.seconds:.1f} s" if stage.seconds is not None else ""
        lines.append(f"  {marks[stage.state]}  {stage.name} ({stage.kind}){seconds}")
    if status.step is not None and status.steps:
        left = f", {_duration(status.eta_s)} left" if status.eta_s is not None else ""
        lines.append(f"step {status.step} of {status.steps} ({100 * status.step / status.steps:.0f} %){left}")
    lines += metric_lines(status.metrics)
    for gpu in status.accelerators:
        use = "" if gpu.utilization_percent is None else f"  {gpu.utilization_percent:.0f} %"
        memory = (
            "" if gpu.memory_used_mib is None else f"  {gpu.memory_used_mib:.0f} of {gpu.memory_total_mib or 0:.0f} MiB"
        )
        heat = "" if gpu.temperature_c is None else f"  {gpu.temperature_c:.0f} C"
        lines.append(f"GPU {gpu.index}  {gpu.name}{use}{memory}{heat}")
    quiet = f"last sign of life {_duration(status.quiet_s)} ago, " if status.quiet_s is not None else ""
    lines.append(f"{quiet}{status.free_bytes / 2**30:.1f} GiB free on the disk")
    lines += [f"warning: {warning}" for warning in status.warnings]
    if status.error is not None:
        lines.append(f"failed: {status.error}")
    return lines


def _follow(folder: Path) -> None:
    import time

    from rich.live import Live
    from rich.text import Text

    from burnish.ledger.status import read_status

    with Live(auto_refresh=False) as live:
        while True:
            status = read_status(folder)
            live.update(Text("\n".join(status_lines(status))), refresh=True)
            if status.state != "running":
                return
            time.sleep(REFRESH_S)


def metric_lines(metrics: Mapping[str, float]) -> list[str]:
    """Format the latest metrics for the terminal, training progress first."""
    shown = [name for name in metrics if not name.startswith(HIDDEN)]
    ranked = sorted(shown, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    lines: list[str] = []
    for text in (f"{name.removeprefix('rollouts/')} {metrics[name]:.4g}" for name in ranked):
        if lines and len(lines[-1]) + len(text) + 2 <= WIDTH:
            lines[-1] += f"  {text}"
        else:
            lines.append(text)
    return lines


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
