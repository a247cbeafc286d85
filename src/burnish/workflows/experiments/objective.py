"""Compute a run's objective, and whether the best differs significantly from the next.

Of an evaluate stage the metric has an interval, and two runs are compared task by task. Of another stage it is the last
value that it logged, a number without an interval. Left out on purpose: a correction for the choice among many runs,
which biases the best value upwards.
"""

from __future__ import annotations

from pathlib import Path

from burnish.config.verbs.sweep import Objective
from burnish.errors import DataError
from burnish.ledger.metrics import read_metrics
from burnish.records import Part
from burnish.records.evaluation import EvaluatedRow
from burnish.records.layout import METRICS, VERDICTS
from burnish.records.summary import Estimate, PairedEstimate
from burnish.score.summaries.answer_summary import estimates, group_rows
from burnish.score.summaries.comparison import compare_rows
from burnish.workflows.evaluate.rescore import read_evaluated


class Reached(Part):
    """The objective's value of one run."""

    value: float
    ci95: tuple[float, float] | None = None
    n: int | None = None
    """Number of answers of the interval."""


def reached(run: Path, objective: Objective) -> Reached | None:
    """Read the value from the run's folder; None when missing."""
    rows = _rows(run, objective)
    if rows is not None:
        estimate = _estimate(rows, objective.metric)
        return None if estimate is None else Reached(value=estimate.value, ci95=estimate.ci95, n=estimate.n)
    curve = logged(run, objective.stage, objective.metric)
    return Reached(value=curve[max(curve)]) if curve else None


def logged(run: Path, stage: str, metric: str) -> dict[int, float]:
    """Read a stage's logged metric: step -> value."""
    rows = read_metrics(run / METRICS)
    return {row.step: row.values[metric] for row in rows if row.stage == stage and metric in row.values}


def compare_runs(best: Path, other: Path, objective: Objective) -> PairedEstimate | None:
    """Compute the best run's metric minus the other's on shared tasks; None without rows."""
    ours, theirs = _rows(best, objective), _rows(other, objective)
    if ours is None or theirs is None:
        return None
    try:
        report, _ = compare_rows("other", theirs, "best", ours)
    except DataError:  # the sweep varies the task set itself: no rows to pair
        return None
    return next((kind.metrics[objective.metric] for kind in report.kinds if objective.metric in kind.metrics), None)


def distinguishable(difference: PairedEstimate) -> bool:
    """Return whether the interval of the difference excludes 0."""
    low, high = difference.ci95
    return low > 0 or high < 0


def _rows(run: Path, objective: Objective) -> list[EvaluatedRow] | None:
    folder = run / objective.stage
    return read_evaluated(folder) if (folder / VERDICTS).is_file() else None


def _estimate(rows: list[EvaluatedRow], metric: str) -> Estimate | None:
    for group in group_rows(rows).values():
        estimate = estimates(group).get(metric)
        if estimate is not None:
            return estimate
    return None
