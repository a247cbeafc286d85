"""Print tables of evaluated answers and of comparisons to the terminal.

Not covered: rates of Rust (`report.terminal.table`), pages (`report.page.comparison`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    Precision,
    RepairTurn,
)
from burnish.report.text import METRIC_TITLES, p_value, points, points_interval
from burnish.wording import counted

UNPARSED_NOTE = "Over all answers; unread ones are wrong. Intervals go by families of rows."
TEST_NOTE = (
    "Points: percentage points, mcc as it is. p: two-sided; McNemar's exact test where every row is a "
    "family of its own, otherwise by exchanging the two models family by family."
)


def render_work(model: ModelSummary, console: Console) -> None:
    """Print the results of repair turns and the cost of generation, where a model generated."""
    if model.repair:
        console.print(_repair(model.repair))
    if model.generation is not None:
        console.print(_generation(model.generation), highlight=False, style="dim")


def _repair(turns: Sequence[RepairTurn]) -> Table:
    columns = ("turn", "asked", "compiles", "95 % interval", "tests passed", "95 % interval")
    table = new_table("After each repair turn, in per cent of all first answers", numbers=columns)
    for turn in turns:
        cells = [str(turn.turn), str(turn.asked)]
        for name, estimate in (("compile_rate", turn.compiled), ("tests_passed", turn.passed)):
            cells += [metric_text(name, estimate.value), interval_text(name, estimate.ci95)]
        table.add_row(*cells)
    return table


def precision_text(precision: Generation | Precision) -> str:
    """Return ``bfloat16, nf4``; empty when unknown."""
    return ", ".join(word for word in (precision.dtype, precision.quantization) if word and word != "none")


def _generation(generation: Generation) -> str:
    memory = [f"memory {generation.peak_bytes / 2**20:.0f} MiB"] if generation.peak_bytes is not None else []
    if generation.device_peak_bytes is not None:
        memory.append(f"on the accelerator {generation.device_peak_bytes / 2**20:.0f} MiB")
    return ", ".join(
        [
            f"{generation.tokens_per_s:.0f} tokens/s",
            f"{generation.seconds_p50:.2f} s per answer (p50), {generation.seconds_p95:.2f} s (p95)",
            *memory,
            *([f"computed in {precision_text(generation)}"] if generation.dtype else []),
        ]
    )


def render_comparison(comparison: Comparison, console: Console) -> None:
    """Print differences, wins and losses of every kind."""
    for kind in comparison.kinds:
        console.print(_comparison(comparison, kind))
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
    if precisions := computed_in(report):
        console.print(precisions, style="dim", highlight=False)
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


def computed_in(report: ComparisonReport) -> str:
    """Return a sentence on the precision of the two models; empty when unrecorded."""
    by_model = {report.a: precision_text(report.a_computed_in), report.b: precision_text(report.b_computed_in)}
    return "; ".join(f"{name} computed in {words}" for name, words in by_model.items() if words)


def metric_text(name: str, value: float) -> str:
    """Format a metric: rates in per cent, correlations unchanged."""
    return f"{value:.3f}" if name == "mcc" else f"{100 * value:.1f}"


def interval_text(name: str, interval: Interval) -> str:
    """Format an interval as ``low–high`` in the metric's unit."""
    return "–".join(metric_text(name, end) for end in interval)


def difference_text(name: str, value: float) -> str:
    """Format a difference with its sign, in percentage points where the metric is in per cent."""
    return f"{value:+.3f}" if name == "mcc" else points(value)


def difference_interval_text(name: str, interval: Interval) -> str:
    """Format an interval as ``low to high`` in the unit of `difference_text`."""
    return f"{interval[0]:+.3f} to {interval[1]:+.3f}" if name == "mcc" else points_interval(interval)


def render_kind(name: str, kind: KindSummary, console: Console) -> None:
    """Print the results of a model on tasks of one kind."""
    title = f"{name}: {kind.kind}, {counted(kind.n, 'answer')} to {counted(kind.tasks, 'task')}, in per cent"
    table = new_table(title, "metric", numbers=("value", "95 % interval", *kind.baselines))
    for metric, estimate in kind.metrics.items():
        trivial = (values.get(metric) for values in kind.baselines.values())
        cells = [metric_text(metric, estimate.value), interval_text(metric, estimate.ci95)]
        table.add_row(Text(metric), *cells, *("" if value is None else metric_text(metric, value) for value in trivial))
    console.print(table)
    if kind.confusion:
        console.print(_confusion(kind))
    if kind.problems:
        problems = ", ".join(f"{problem} {count}" for problem, count in kind.problems.items())
        console.print(f"{kind.unparsed} without a readable answer: {problems}", highlight=False)
    if kind.timing is not None:
        console.print(
            f"{kind.timing.seconds_p50:.2f} s per answer (p50), {kind.timing.seconds_p95:.2f} s (p95), "
            f"{kind.timing.tokens_per_s:.0f} tokens/s within an answer",
            highlight=False,
            style="dim",
        )


def _confusion(kind: KindSummary) -> Table:
    answered = next(iter(kind.confusion.values()))
    table = new_table("right answer (rows) by given answer (columns)", "", numbers=answered)
    for right, counts in kind.confusion.items():
        table.add_row(Text(right), *map(str, counts.values()))
    return table


def _comparison(pair: Comparison, kind: KindComparison) -> Table:
    families = f" in {kind.families} families" if kind.families < kind.n else ""
    columns = ("from → to", "points", "95 % interval", "won", "lost", "p")
    title = f"{pair.b} against {pair.a}: {kind.kind}, {kind.n} pairs{families}"
    table = new_table(title, "metric", numbers=columns)
    for name, estimate in kind.metrics.items():
        table.add_row(
            Text(METRIC_TITLES.get(name, name)),
            f"{metric_text(name, estimate.a)} → {metric_text(name, estimate.b)}",
            difference_text(name, estimate.difference),
            difference_interval_text(name, estimate.ci95),
            *counts_text(estimate),
            p_value(estimate.p_value),
        )
    return table


def counts_text(estimate: PairedEstimate) -> tuple[str, str]:
    """Return pairs won and lost by a rate; empty where a metric is not a rate."""
    return ("" if estimate.wins is None else str(estimate.wins)), (
        "" if estimate.losses is None else str(estimate.losses)
    )


def new_table(title: str, *words: str, numbers: Iterable[str] = ()) -> Table:
    """Return an empty table in the common style, with columns of words and then of numbers."""
    table = Table(
        title=Text(f"\n{title}"), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False
    )
    for column in words:
        table.add_column(Text(column))
    for column in numbers:
        table.add_column(Text(column), justify="right")
    return table
