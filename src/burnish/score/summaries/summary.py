"""Build the content of ``summary.json``: results of every measured model, paired comparisons, times.

The same for a run with many measured models and for an evaluation of one. Not covered: reading folders (`workflows`),
showing the result (`report`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.records import Task, Verdict
from burnish.records.evaluation import EvaluatedRow
from burnish.records.summary import Comparison, Generation, ModelSummary, RepairTurn, StageTime, Summary
from burnish.score.statistics.clustered import interval_with_unknown
from burnish.score.summaries.answer_summary import summarise_answers
from burnish.score.summaries.comparison import compare_models, share_rows
from burnish.score.summaries.rates import METRICS, code_findings, rates, succeeded


@dataclass(frozen=True)
class MeasuredModel:
    """One evaluated model: its judged answers, and the cost of answering."""

    name: str
    rows: Sequence[EvaluatedRow]
    verdicts: Sequence[Verdict] = ()
    """Verdicts of its Rust answers."""
    tasks: Sequence[Task] = ()
    """The attempted tasks, for the baselines."""
    seconds: float = 0.0
    """Time of answering and judging together."""
    tolerance: float = 0.0
    """Tolerance of numeric answers."""
    generation: Generation | None = None
    repair: Sequence[RepairTurn] = ()

    def summary(self) -> ModelSummary:
        """Summarise the answers kind by kind."""
        return ModelSummary(
            name=self.name,
            seconds=self.seconds,
            kinds=summarise_answers(self.tasks, self.rows, self.verdicts, tolerance=self.tolerance),
            generation=self.generation,
            repair=tuple(self.repair),
        )


def build_summary(
    models: Sequence[MeasuredModel],
    timings: Sequence[StageTime] = (),
    *,
    excluded_tasks: int = 0,
    also: Collection[tuple[str, str]] = (),
) -> Summary:
    """Build the summary: models and timings in the given order, then comparisons.

    Every model is compared with the first one that shares rows and with the last one before it that does, on these
    rows, and with the earlier ones that ``also`` names, as pairs (earlier, later).
    """
    return Summary(
        models=tuple(model.summary() for model in models),
        comparisons=tuple(_compare(a, b) for a, b in _pairs_to_compare(models, also)),
        timings=tuple(timings),
        excluded_tasks=excluded_tasks,
    )


def summarise_verdicts(verdicts: Sequence[Verdict], untested: Collection[str] = ()) -> dict[str, Any]:
    """Summarise verdicts, JSON-ready: rates with 95 % intervals over all attempted, infra apart, and causes of failure.

    Answers to one task are alike, so intervals go by tasks. Every count is of answers, not of messages. ``cpu_ms`` is
    the time spent now: cached verdicts cost nothing. ``untested`` names tasks without tests, of which nothing can pass.
    """
    counted, code = rates(verdicts, untested), code_findings(verdicts).model_dump()
    by_metric = {}
    for metric in METRICS:
        looked_at = [verdict for verdict in verdicts if metric != "tests_passed" or verdict.task_id not in untested]
        attempts = Counter(verdict.task_id for verdict in looked_at)
        outcomes = [(verdict.task_id, succeeded(verdict, metric)) for verdict in looked_at]
        reached = Counter(task for task, success in outcomes if success)
        unknown = Counter(task for task, success in outcomes if success is None)
        interval = interval_with_unknown(
            [reached[task] for task in attempts], [unknown[task] for task in attempts], list(attempts.values())
        )
        value = counted.rate(metric)
        by_metric[metric] = {"rate": value, "ci95": None if value is None else list(interval), "n": len(looked_at)}
    return {
        "n": counted.n,
        "infra": counted.infra,
        "untested": counted.n - counted.tested,
        "rates": by_metric,
        "reasons": dict(counted.reasons),
        **{name: code[name] for name in ("error_classes", "error_codes", "lints", "metrics")},
        "cpu_ms": round(sum(verdict.cpu_ms for verdict in verdicts if not verdict.cached), 1),
        "cached": sum(verdict.cached for verdict in verdicts),
    }


def _compare(a: MeasuredModel, b: MeasuredModel) -> Comparison:
    return compare_models((a.name, a.rows), (b.name, b.rows), tasks=a.tasks, tolerance=a.tolerance)


def _pairs_to_compare(
    models: Sequence[MeasuredModel], also: Collection[tuple[str, str]]
) -> Iterable[tuple[MeasuredModel, MeasuredModel]]:
    for position, model in enumerate(models):
        earlier = [other for other in models[:position] if share_rows(other.rows, model.rows)]
        for place, other in enumerate(earlier):
            if place in (0, len(earlier) - 1) or (other.name, model.name) in also:
                yield other, model
