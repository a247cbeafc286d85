"""Tables of evaluated answers and of comparisons for the terminal.

Not covered: rates of Rust (`report.terminal.table`), pages (`report.page.comparison`).
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.records.evaluation import ComparisonReport
from burnish.records.summary import (
    Comparison,
    Generation,
    Interval,
    KindComparison,
    KindSummary,
    ModelSummary,
    PairedEstimate,
    RepairTurn,
)
from burnish.report.text import METRIC_TITLES, p_value, points, points_interval

UNPARSED_NOTE = "Over all answers; unread ones are wrong. Intervals go by families of rows."
TEST_NOTE = (
    "Points: percentage points, mcc as it is. p: two-sided; McNemar's exact test where every row is a "
    "family of its own, else by exchanging the two models family by family."
)


def render_work(model: ModelSummary, console: Console) -> None:
    """Print what repairing gave and what writing the answers took, where a model wrote them."""
    if model.repair:
        console.print(_repair(model.repair))
    if model.generation is not None:
        console.print(_generation(model.generation), highlight=False, style="dim")


def _repair(turns: Sequence[RepairTurn]) -> Table:
    table = new_table("After each repair turn, in per cent of all first answers")
    for column in ("turn", "asked", "compiles", "95 % interval", "tests passed", "95 % interval"):
        table.add_column(column, justify="right")
    for one in turns:
        cells = [str(one.turn), str(one.asked)]
        for name, found in (("compile_rate", one.compiled), ("tests_passed", one.passed)):
            cells += [metric_text(name, found.value), interval_text(name, found.ci95)]
        table.add_row(*cells)
    return table


def precision_text(one: Generation) -> str:
    """``bfloat16, nf4``; empty where nothing is known."""
    return ", ".join(word for word in (one.dtype, one.quantization) if word and word != "none")


def _generation(one: Generation) -> str:
    memory = [f"memory {one.peak_bytes / 2**20:.0f} MiB"] if one.peak_bytes is not None else []
    if one.device_peak_bytes is not None:
        memory.append(f"on the accelerator {one.device_peak_bytes / 2**20:.0f} MiB")
    return ", ".join(
        [
            f"{one.tokens_per_s:.0f} tokens/s",
            f"{one.seconds_p50:.2f} s per answer (p50), {one.seconds_p95:.2f} s (p95)",
            *memory,
            *([f"computed in {precision_text(one)}"] if one.dtype else []),
        ]
    )


def render_comparison(one: Comparison, console: Console) -> None:
    """Print differences, wins and losses of every kind."""
    for kind in one.kinds:
        console.print(_comparison(one, kind))
        if kind.baselines:
            trivial = ", ".join(
                f"{name} {metric_text(metric, values[metric])}"
                for metric in list(kind.metrics)[:1]
                for name, values in kind.baselines.items()
                if metric in values
            )
            console.print(f"trivial models: {trivial}", highlight=False, style="dim")
        note = f"both right {kind.both}, both wrong {kind.neither}"
        console.print(note + (f", without an outcome {kind.left_out}" if kind.left_out else ""), highlight=False)


def render_report(report: ComparisonReport, console: Console) -> None:
    """Print the comparison of two evaluations, and how much a rerun differs."""
    render_comparison(report, console)
    console.print(TEST_NOTE, style="dim")
    for noise in report.noise:
        console.print(
            f"Noise: a rerun of {report.a} answers {noise.changed} of {noise.n} differently ({noise.kind})"
            + "".join(f", {name} {difference_text(name, value)}" for name, value in list(noise.differences.items())[:1])
            + ".",
            highlight=False,
        )
    if report.only_in_a or report.only_in_b:
        console.print(
            f"Rows without a partner: {report.only_in_a} of {report.a}, {report.only_in_b} of {report.b}.", style="dim"
        )


def metric_text(name: str, value: float) -> str:
    """A metric for people: in per cent, correlations as they are."""
    return f"{value:.3f}" if name == "mcc" else f"{100 * value:.1f}"


def interval_text(name: str, interval: Interval) -> str:
    """``low–high`` in the metric's unit."""
    return "–".join(metric_text(name, end) for end in interval)


def difference_text(name: str, value: float) -> str:
    """A difference with its sign, in percentage points where the metric is in per cent."""
    return f"{value:+.3f}" if name == "mcc" else points(value)


def difference_interval_text(name: str, interval: Interval) -> str:
    """``low to high`` in the unit of `difference_text`."""
    return f"{interval[0]:+.3f} to {interval[1]:+.3f}" if name == "mcc" else points_interval(interval)


def render_kind(name: str, one: KindSummary, console: Console) -> None:
    """Print what a model of that name reached on tasks of one kind."""
    table = new_table(f"{name}: {one.kind}, {one.n} answers to {one.tasks} tasks, in per cent")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    for baseline in one.baselines:
        table.add_column(Text(baseline), justify="right")
    for metric, estimate in one.metrics.items():
        trivial = (found.get(metric) for found in one.baselines.values())
        cells = [metric_text(metric, estimate.value), interval_text(metric, estimate.ci95)]
        table.add_row(Text(metric), *cells, *("" if value is None else metric_text(metric, value) for value in trivial))
    console.print(table)
    if one.confusion:
        console.print(_confusion(one))
    if one.problems:
        counted = ", ".join(f"{problem} {count}" for problem, count in one.problems.items())
        console.print(f"{one.unparsed} without a readable answer: {counted}", highlight=False)
    if one.timing is not None:
        console.print(
            f"{one.timing.seconds_p50:.2f} s per answer (p50), {one.timing.seconds_p95:.2f} s (p95), "
            f"{one.timing.tokens_per_s:.0f} tokens/s within an answer",
            highlight=False,
            style="dim",
        )


def _confusion(one: KindSummary) -> Table:
    table = new_table("right answer (rows) by given answer (columns)")
    table.add_column("")
    for answered in next(iter(one.confusion.values())):
        table.add_column(Text(answered), justify="right")
    for right, counts in one.confusion.items():
        table.add_row(Text(right), *map(str, counts.values()))
    return table


def _comparison(pair: Comparison, kind: KindComparison) -> Table:
    families = f" in {kind.families} families" if kind.families < kind.n else ""
    table = new_table(f"{pair.b} against {pair.a}: {kind.kind}, {kind.n} pairs{families}")
    for column in ("metric", "from → to", "points", "95 % interval", "won", "lost", "p"):
        table.add_column(Text(column), justify="left" if column == "metric" else "right")
    for name, one in kind.metrics.items():
        table.add_row(
            Text(METRIC_TITLES.get(name, name)),
            f"{metric_text(name, one.a)} → {metric_text(name, one.b)}",
            difference_text(name, one.difference),
            difference_interval_text(name, one.ci95),
            *counts_text(one),
            p_value(one.p_value),
        )
    return table


def counts_text(one: PairedEstimate) -> tuple[str, str]:
    """Pairs won and lost by a rate; nothing where a metric is no rate."""
    return ("" if one.wins is None else str(one.wins)), ("" if one.losses is None else str(one.losses))


def new_table(title: str) -> Table:
    """An empty table in the look of all of them."""
    return Table(
        title=Text(f"\n{title}"), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False
    )
