"""The result of a run as tables for the terminal, readable at 80 columns and in a log file.

Not covered: curves and samples, which only the page has (`report.page.html`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.records import Comparison, StageSummary, StageTime, Summary
from burnish.report.text import (
    MEMORY,
    METRIC_NAMES,
    duration,
    memory_size,
    p_value,
    percent,
    percent_interval,
    points,
    points_interval,
)

MOST_ERRORS = 8
"""Rows of the table of compiler errors; the page has more."""


def render_table(summary: Mapping[str, Any], console: Console) -> None:
    """Print rates with intervals, paired tests and times of ``summary`` (the content of summary.json)."""
    content = Summary.model_validate(summary)
    if content.stages:
        console.print(_rates(content.stages))
        console.print(_note(content.stages), style="dim")
    if content.excluded_tasks:
        console.print(
            f"{content.excluded_tasks} tasks were left out before: an exclusion file names them.", style="dim"
        )
    for _, group in groupby(content.comparisons, key=lambda one: (one.a, one.b, one.n)):
        console.print(_comparisons(list(group)))
    if content.comparisons:
        console.print("Points: difference in per cent points. p: exact McNemar test, two-sided.", style="dim")
    if any(stage.error_codes for stage in content.stages):
        console.print(_error_codes(content.stages))
    if content.timings:
        console.print(_timings(content.timings))


def _new_table(title: str) -> Table:
    return Table(title=f"\n{title}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False)


def _rates(stages: tuple[StageSummary, ...]) -> Table:
    table = _new_table("Measured, in per cent with 95 % intervals")
    table.add_column("stage")
    table.add_column("n", justify="right")
    for name in METRIC_NAMES.values():
        table.add_column(name, justify="right")
    with_infra = any(stage.infra for stage in stages)
    if with_infra:
        table.add_column("infra", justify="right")
    for stage in stages:
        cells = [Text(stage.name), Text(str(stage.n))]
        rates = (stage.compile_rate, stage.lint_free_rate, stage.tests_passed)
        for metric, rate in zip(METRIC_NAMES, rates, strict=True):
            cells.append(Text(f"{percent(rate)}\n{percent_interval(stage.ci95[metric])}"))
        if with_infra:
            cells.append(Text(str(stage.infra)))
        table.add_row(*cells)
    return table


def _note(stages: tuple[StageSummary, ...]) -> str:
    note = "Rates over all attempted; Wilson intervals."
    faults = sum(stage.infra for stage in stages)
    if faults:
        return f"{note} infra: {faults} without a verdict, not counted as fails; they widen the interval upwards."
    return note


def _comparisons(comparisons: Sequence[Comparison]) -> Table:
    first = comparisons[0]
    table = _new_table(f"{first.b} against {first.a}, on the same {first.n} tasks")
    table.add_column("measure")
    table.add_column("points", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("tasks won", justify="right")
    table.add_column("lost", justify="right")
    table.add_column("p", justify="right")
    for one in comparisons:
        table.add_row(
            Text(METRIC_NAMES[one.metric]),
            Text(points(one.difference)),
            Text(points_interval(one.ci95)),
            Text(str(one.only_b)),
            Text(str(one.only_a)),
            Text(p_value(one.p_value)),
        )
    return table


def _timings(timings: tuple[StageTime, ...]) -> Table:
    memory = [column for column in MEMORY if any(getattr(one, column) is not None for one in timings)]
    table = _new_table("Time and peak memory" if memory else "Time")
    table.add_column("stage")
    table.add_column("kind")
    table.add_column("time", justify="right")
    for column in memory:
        table.add_column(MEMORY[column], justify="right")
    for one in timings:
        time = duration(one.seconds) + (" (kept)" if one.reused else "")
        table.add_row(
            Text(one.name), Text(one.kind), Text(time), *(Text(memory_size(getattr(one, column))) for column in memory)
        )
    table.add_row(Text("all"), Text(""), Text(duration(sum(one.seconds for one in timings))), style="bold")
    return table


def _error_codes(stages: tuple[StageSummary, ...]) -> Table:
    """Programs per compiler error, the most frequent first, stage beside stage."""
    table = _new_table("Programs that showed a compiler error")
    table.add_column("error")
    for stage in stages:
        table.add_column(Text(f"{stage.name} of {stage.n}"), justify="right")
    total: Counter[str] = Counter()
    for stage in stages:
        total.update(stage.error_codes)
    for code, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))[:MOST_ERRORS]:
        table.add_row(Text(code), *(Text(str(stage.error_codes.get(code, 0))) for stage in stages))
    return table
