"""Builds the content of ``summary.json``: rates per measured stage, paired comparisons, times.

Not covered: reading runs (`workflows`), showing the result (`report`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.records import Comparison, Metric, StageSummary, StageTime, Summary, Verdict
from burnish.score.metrics.metric_means import mean_metrics
from burnish.score.statistics.paired import mcnemar
from burnish.score.summaries.missing_crates import crate_failures
from burnish.score.summaries.rates import METRICS, rates, succeeded


@dataclass(frozen=True)
class MeasuredStage:
    """One evaluated model: all its verdicts, and how long generating and verifying took together."""

    name: str
    verdicts: Sequence[Verdict]
    seconds: float


def build_summary(
    stages: Sequence[MeasuredStage],
    timings: Sequence[StageTime] = (),
    *,
    excluded_tasks: int = 0,
    also: Collection[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The `Summary` record as JSON-ready data: stages and timings in the given order, then comparisons.

    Every stage is compared with the first one and with the one right before it, on the tasks they share, and with the
    earlier ones that ``also`` names, as pairs (earlier, later).
    """
    summary = Summary(
        stages=tuple(summarise_stage(stage) for stage in stages),
        comparisons=tuple(
            comparison
            for a, b in _pairs_to_compare(stages, also)
            for metric in METRICS
            if (comparison := compare_stages(a, b, metric)) is not None
        ),
        timings=tuple(timings),
        excluded_tasks=excluded_tasks,
    )
    return summary.model_dump(mode="json")


def summarise_stage(stage: MeasuredStage) -> StageSummary:
    """Rates, intervals and counts of one stage."""
    counted = rates(stage.verdicts)
    return StageSummary(
        name=stage.name,
        compile_rate=counted.compile_rate,
        lint_free_rate=counted.lint_free_rate,
        tests_passed=counted.tests_passed,
        n=counted.n,
        ci95={metric: counted.interval(metric) for metric in METRICS},
        seconds=stage.seconds,
        tasks=counted.tasks,
        infra=counted.infra,
        reasons=dict(counted.reasons),
        error_codes=dict(counted.error_codes),
        lints=dict(counted.lints),
        error_classes=dict(counted.error_classes),
        metrics=mean_metrics(stage.verdicts),
    )


def summarise_verdicts(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Rates with 95 % intervals over all attempted, infra beside, and what went wrong how often; JSON-ready.

    Every count is of answers, not of messages. ``cpu_ms`` is what was spent now: known verdicts cost nothing.
    """
    counted = rates(verdicts)
    return {
        "n": counted.n,
        "infra": counted.infra,
        "rates": {metric: {"rate": counted.rate(metric), "ci95": list(counted.interval(metric))} for metric in METRICS},
        "reasons": dict(counted.reasons),
        "error_classes": dict(counted.error_classes),
        "error_codes": dict(counted.error_codes),
        "crate_failures": crate_failures(verdicts),
        "lints": dict(counted.lints),
        "metrics": {name: found.model_dump() for name, found in mean_metrics(verdicts).items()},
        "cpu_ms": round(sum(verdict.cpu_ms for verdict in verdicts if not verdict.cached), 1),
        "cached": sum(verdict.cached for verdict in verdicts),
    }


def compare_stages(a: MeasuredStage, b: MeasuredStage, metric: Metric) -> Comparison | None:
    """Paired test on the tasks both stages attempted; None when they share no task.

    A task gives one pair, from its first sample, so that pairs are independent. A pair with an infra on either
    side decides nothing and is left out, counted in ``left_out``.
    """
    first_a, first_b = _first_samples(a.verdicts), _first_samples(b.verdicts)
    common = [task for task in first_a if task in first_b]
    if not common:
        return None
    outcomes = [(succeeded(first_a[task], metric), succeeded(first_b[task], metric)) for task in common]
    known = [(x, y) for x, y in outcomes if x is not None and y is not None]
    test = mcnemar([x for x, _ in known], [y for _, y in known])
    return Comparison(
        a=a.name,
        b=b.name,
        metric=metric,
        difference=test.difference,
        ci95=test.interval,
        p_value=test.p_value,
        n=test.n,
        only_a=test.only_a,
        only_b=test.only_b,
        both=test.both,
        neither=test.neither,
        left_out=len(common) - test.n,
    )


def _pairs_to_compare(
    stages: Sequence[MeasuredStage], also: Collection[tuple[str, str]]
) -> Iterable[tuple[MeasuredStage, MeasuredStage]]:
    for position, stage in enumerate(stages):
        for before, other in enumerate(stages[:position]):
            if before in (0, position - 1) or (other.name, stage.name) in also:
                yield other, stage


def _first_samples(verdicts: Sequence[Verdict]) -> dict[str, Verdict]:
    first: dict[str, Verdict] = {}
    for verdict in verdicts:
        kept = first.get(verdict.task_id)
        if kept is None or verdict.sample_index < kept.sample_index:
            first[verdict.task_id] = verdict
    return first
