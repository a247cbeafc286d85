"""Print tables of sweeps and grids, while they run and at the end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live as RichLive
from rich.table import Table
from rich.text import Text

from burnish.report.terminal.answers import new_table
from burnish.report.text import duration
from burnish.wording import counted

if TYPE_CHECKING:
    from burnish.workflows.experiments.grid import CellResult, GridSummary
    from burnish.workflows.experiments.grid_cells import Cell
    from burnish.workflows.experiments.predictions import Prediction
    from burnish.workflows.experiments.sweep import PlannedRun, SweepSummary

UNKNOWN = "unknown"


class Live:
    """Show a table that is redrawn after each run.

    Shows nothing where stderr is not a terminal: the log has a line per run."""

    def __init__(self, table: Callable[[Any], Table]) -> None:
        self._table = table
        self._live = RichLive(console=Console(stderr=True), auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._live.console.is_terminal:
            self._live.start()
            self._log_to_stderr()  # the live table owns stderr: log lines must be printed above it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()
        self._log_to_stderr()

    @staticmethod
    def _log_to_stderr() -> None:
        for handler in logging.getLogger("burnish").handlers:
            if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
                handler.setStream(sys.stderr)

    def show(self, summary: Any) -> None:
        """Redraw the table."""
        if self._live.is_started:
            self._live.update(self._table(summary), refresh=True)


def sweep_table(summary: SweepSummary) -> Table:
    """Build a table with one line per finished run, the best one in bold."""
    table = new_table(f"{len(summary.results)} of {summary.total_runs} runs")
    _columns(table, ("run",), (summary.objective["metric"], "95 % interval", "time", "memory"), ("state",))
    for run in summary.results:
        best = summary.best is not None and summary.best.run_id == run.run_id
        table.add_row(
            Text(run.run_id),
            _number(run.metric),
            _interval(run.interval),
            duration(run.seconds),
            _memory(run.peak_bytes, run.device_peak_bytes),
            Text(run.state),
            style="bold" if best else None,
        )
    return table


def show_sweep(summary: SweepSummary, file: Path) -> None:
    """Show the table, unfinished runs with reasons, the best run and its lead."""
    console = Console()
    console.print(sweep_table(summary))
    for run in summary.results:
        if run.reason:
            console.print(Text(f"{run.run_id} is {run.state}: {run.reason}"), soft_wrap=True)
    best = summary.best
    if best is None:
        console.print("No run has a value for the objective.")
    else:
        interval = "" if best.interval is None else f" (95 % interval {_interval(best.interval)})"
        verdict = f"Best of {best.chosen_among}: {best.run_id} with {_number(best.metric)}{interval}."
        console.print(Text(verdict), soft_wrap=True)
    if best is not None and best.difference is not None:
        low, high = best.difference.ci95
        told = f"{best.difference.difference:+.4g} against {best.next}, 95 % interval {low:+.4g} to {high:+.4g}"
        warning = "" if best.distinguishable else "warning: the best and the next run do not differ significantly: "
        console.print(Text(f"{warning}{told}, on the same {summary.objective['stage']} tasks."), soft_wrap=True)
    elif best is not None and best.next is not None:
        console.print(f"warning: no test shows whether the best differs from {best.next}.", soft_wrap=True)
    if summary.failed_runs:
        console.print(
            f"{summary.failed_runs} of {summary.total_runs} runs failed; run the same command again to retry them."
        )
    console.print(str(file), soft_wrap=True)


def show_sweep_plan(runs: Sequence[PlannedRun], price_per_hour: float | None) -> None:
    """Show the planned runs, with the total time and cost of the remaining ones."""
    console, table = Console(), new_table(counted(len(runs), "run"))
    _columns(table, ("run",), ("time", "memory", "cost"))
    for run in runs:
        known = run.params is not None
        name = run.run_id if known else f"{run.run_id}: chosen by the results of other runs"
        time = "done" if run.done else "cannot be" if run.problem else _duration(run.seconds)
        table.add_row(Text(name), time, _memory(run.peak_bytes, run.device_peak_bytes, UNKNOWN), _cost(run.cost))
    console.print(table)
    left = [run for run in runs if not run.done]
    for run in left:
        if run.problem:
            console.print(Text(f"{run.run_id} cannot begin: {run.problem}"), soft_wrap=True)
    seconds = [run.seconds for run in left if run.seconds is not None]
    costs = [run.cost for run in left if run.cost is not None]
    time = duration(sum(seconds)) if seconds else UNKNOWN
    cost = f", cost {_cost(sum(costs))}" if costs else "" if price_per_hour is None else f", cost {UNKNOWN}"
    open_ones = len(left) - len(seconds)
    more = f" and {counted(open_ones, 'run')} of unknown time" if seconds and open_ones else ""
    if not left:
        console.print("Nothing is left to do: every run has ended.")
    else:
        remain = f"{counted(len(left), 'run remains', 'runs remain')}"
        console.print(f"{remain}: {time}{cost}{more}.", soft_wrap=True)
    if not seconds and left:
        console.print(
            "No finished run did the same work; an estimate is available after the first run.",
            style="dim",
            soft_wrap=True,
        )


def grid_table(summary: GridSummary) -> Table:
    """Build a table with one line per cell and task kind."""
    table = new_table(f"{len(summary.cells)} of {summary.total_cells} cells{_rehearsal(summary)}")
    axes = [
        axis for axis in ("model", "dataset", "adapter", "quantization") if any(getattr(c, axis) for c in summary.cells)
    ]
    _columns(table, (*axes, "metric"), ("quality", "p50\np95", "tokens/s", "memory:\ntrain\neval", "on disk"))
    for cell in summary.cells:
        names = [Text(getattr(cell, axis)) for axis in axes]
        if cell.state != "done":
            table.add_row(*names, Text(cell.state))
            continue
        for row in cell.answering:
            times = "" if row.seconds_p50 is None else f"{row.seconds_p50:.3g} s\n{row.seconds_p95:.3g} s"
            table.add_row(
                *names,
                Text(row.metric),
                f"{row.quality.value:.3f}\n{_interval(row.quality.ci95)}",
                times,
                "" if row.tokens_per_s is None else f"{row.tokens_per_s:.4g}",
                _cell_memory(cell),
                _bytes(cell.trained_bytes),
            )
    return table


def show_grid(summary: GridSummary, folder: Path) -> None:
    """Show the table, then why cells are illegal or failed."""
    console = Console()
    console.print(grid_table(summary))
    for cell in summary.cells:
        if cell.reason:
            console.print(Text(f"{cell.id} is {cell.state}: {cell.reason}"), soft_wrap=True)
    counts = f"{summary.done_cells} done, {summary.failed_cells} failed, {summary.illegal_cells} illegal"
    console.print(f"{counts}; {folder / 'grid_summary.json'}, {folder / 'grid.csv'}", soft_wrap=True)


def show_grid_plan(cells: Sequence[tuple[Cell, Prediction | None]]) -> None:
    """Show the planned cells, their training cost, and the illegal ones."""
    console, table = Console(), new_table(counted(len(cells), "cell"))
    _columns(table, ("cell",), ("train", "memory"))
    problems = {cell.id: cell.problem for cell, _ in cells if cell.recipe is not None}
    for cell, guess in cells:
        if cell.recipe is None or problems.get(cell.id):
            table.add_row(Text(cell.id), "cannot be", "")
        elif not cell.trains:
            table.add_row(Text(cell.id), "as it is", "")
        elif guess is None:
            table.add_row(Text(cell.id), UNKNOWN, UNKNOWN)
        else:
            table.add_row(Text(cell.id), duration(guess.seconds), _memory(guess.peak_bytes, guess.device_peak_bytes))
    console.print(table)
    for reason in dict.fromkeys(cell.refusal for cell, _ in cells if cell.refusal):
        ids = ", ".join(cell.id for cell, _ in cells if cell.refusal == reason)
        console.print(Text(f"{reason}: {ids}"), soft_wrap=True)
    for name, problem in problems.items():
        if problem:
            console.print(Text(f"{name} cannot begin: {problem}"), soft_wrap=True)


def _columns(table: Table, words: Sequence[str], numbers: Sequence[str], more: Sequence[str] = ()) -> None:
    """Add a column; narrow terminals wrap words but never numbers."""
    for name in words:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for name in more:
        table.add_column(name, overflow="fold")


def _rehearsal(summary: GridSummary) -> str:
    limits = {"training rows": summary.limit_train, "tasks": summary.limit_eval}
    parts = [f"{limit} {what}" for what, limit in limits.items() if limit is not None]
    return f", a rehearsal on up to {' and '.join(parts)}" if parts else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _interval(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}"


def _duration(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else duration(seconds)


def _cost(cost: float | None) -> str:
    return UNKNOWN if cost is None else f"{cost:.2f}"


def _bytes(number: int | None) -> str:
    if number is None:
        return ""
    return f"{number / 2**30:.2f} GiB" if number >= 2**30 else f"{number / 2**20:.3g} MiB"


def _memory(resident: int | None, device: int | None, otherwise: str = "") -> str:
    """Format peak memory: the accelerator's if there was one, otherwise the process's."""
    return _bytes(device if device is not None else resident) or otherwise


def _cell_memory(cell: CellResult) -> str:
    train = _memory(cell.train_peak_bytes, cell.train_device_peak_bytes, "–")
    return f"{train}\n{_bytes(cell.evaluate_peak_bytes) or '–'}"
