"""Print the result of a run or an evaluation as tables, readable at 80 columns and in a log file.

Not covered: curves and samples, which only the page has (`report.page.html`).
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.records.summary import StageTime, Summary
from burnish.report.rust_results import PartRow, RustResult, part_rows, ranked, rust_results
from burnish.report.terminal.answers import (
    TEST_NOTE,
    UNPARSED_NOTE,
    new_table,
    precision_text,
    render_comparison,
    render_kind,
    render_work,
)
from burnish.report.text import METRIC_NAMES, duration, estimate_lines, memory_columns, memory_size
from burnish.wording import counted

MOST_ERRORS = 8
"""Most rows of the table of compiler errors; the page shows more."""


def render_summary(summary: Summary, console: Console) -> None:
    """Print rates with intervals, other metrics, paired tests and times."""
    rust = rust_results(summary)
    if rust:
        console.print(_rates(rust))
        console.print(_note(rust), style="dim")
    if parts := part_rows(rust):
        console.print(_parts(rust, parts))
    others = [(model.name, kind) for model in summary.models for kind in model.kinds if kind.kind != "rust"]
    for name, kind in others:
        render_kind(name, kind, console)
    if others:
        console.print(UNPARSED_NOTE, style="dim")
    if summary.excluded_tasks:
        left_out = counted(summary.excluded_tasks, "task was", "tasks were")
        console.print(f"{left_out} left out before: an exclusion file names them.", style="dim")
    if len(summary.models) == 1:  # with many models the table of times suffices
        render_work(summary.models[0], console)
    elif precisions := _precisions(summary):
        console.print(precisions, style="dim", highlight=False)
    for comparison in summary.comparisons:
        render_comparison(comparison, console)
    if summary.comparisons:
        console.print(TEST_NOTE, style="dim")
    if any(result.code.error_codes for result in rust):
        console.print(_error_codes(rust))
    if summary.timings:
        console.print(_timings(summary.timings))


def _precisions(summary: Summary) -> str:
    """Return the precision of each model: ``base, sft: float32; quantised: float32, nf4``; empty when unrecorded."""
    models: dict[str, list[str]] = {}
    for model in summary.models:
        if model.generation is not None and (precision := precision_text(model.generation)):
            models.setdefault(precision, []).append(model.name)
    return "; ".join(f"{', '.join(names)} computed in {precision}" for precision, names in models.items())


def _rates(results: Sequence[RustResult]) -> Table:
    names = {str(name): title for name, title in METRIC_NAMES.items()} | {k: k for k in _pass_at_k(results)}
    with_infra = any(result.kind.infra for result in results)
    columns = ("n", *names.values(), *(("infra",) if with_infra else ()))
    table = new_table("Measured, in per cent with 95 % intervals", "stage", numbers=columns)
    for result in results:
        cells = [Text(result.name), Text(str(result.n))]
        cells += [Text(estimate_lines(result.kind.metrics.get(name))) for name in names]
        if with_infra:
            cells.append(Text(str(result.kind.infra)))
        table.add_row(*cells)
    return table


def _parts(results: Sequence[RustResult], parts: Sequence[PartRow]) -> Table:
    """Return the table of tests passed by kind of task, models side by side."""
    columns = ("n", *(result.name for result in results))
    table = new_table("Tests passed by kind of task, in per cent with 95 % intervals", "kind", numbers=columns)
    for part in parts:
        table.add_row(Text(part.name), Text(str(part.n)), *(Text(estimate_lines(passed)) for passed in part.passed))
    return table


def _pass_at_k(results: Sequence[RustResult]) -> list[str]:
    """Return the names of pass@k where tasks have several samples; pass@1 is in the table already."""
    names = dict.fromkeys(name for result in results for name in result.kind.metrics if name.startswith("pass@"))
    return [name for name in names if name != "pass@1"]


def _note(results: Sequence[RustResult]) -> str:
    groups = " and ".join(dict.fromkeys(f"{result.kind.families}" for result in results))
    note = f"Rates over all attempted. Intervals go by families of tasks ({groups}): tasks of one family are alike."
    untested = max(result.kind.untested for result in results)
    if untested:
        note += f" {counted(untested, 'task has', 'tasks have')} no tests: in no rate of passing."
    faults = sum(result.kind.infra for result in results)
    if faults:
        return f"{note} infra: {faults} without a verdict, not counted as fails; they widen the interval upwards."
    return note


def _timings(timings: tuple[StageTime, ...]) -> Table:
    memory = memory_columns(timings)
    columns = ("time", *memory.values())
    table = new_table("Time and peak memory" if memory else "Time", "stage", "kind", numbers=columns)
    for timing in timings:
        time = duration(timing.seconds) + (" (kept)" if timing.reused else "")
        table.add_row(
            Text(timing.name),
            Text(timing.kind),
            Text(time),
            *(Text(memory_size(getattr(timing, column))) for column in memory),
        )
    table.add_row(Text("all"), Text(""), Text(duration(sum(timing.seconds for timing in timings))), style="bold")
    return table


def _error_codes(results: Sequence[RustResult]) -> Table:
    """Return the table of programs per compiler error, most frequent first, models side by side."""
    columns = (f"{result.name} of {result.n}" for result in results)
    table = new_table("Programs that showed a compiler error", "error", numbers=columns)
    for code in ranked([result.code.error_codes for result in results])[:MOST_ERRORS]:
        table.add_row(Text(code), *(Text(str(result.code.error_codes.get(code, 0))) for result in results))
    return table
