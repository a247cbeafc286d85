"""Compare two models on the same rows: differences with intervals, paired tests, and where they disagree.

Rows are paired by task and sample. A rate over independent rows (every family a single row) is tested
by McNemar's exact test; every other metric, and every metric over rows that come in families, by exchanging the two
models family by family (`score.statistics.bootstrap`). This is the one comparison: `burnish compare`, the table and the
page of a run, and a sweep all show what it gives. Not covered: more than two models, correction for many comparisons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.records import Task
from burnish.records.evaluation import ComparisonReport, Disagreement, EvaluatedRow, Noise
from burnish.records.summary import Comparison, Interval, KindComparison, PairedEstimate
from burnish.score.metrics.measures import Measure
from burnish.score.metrics.multiple_choice import alike
from burnish.score.statistics.bootstrap import (
    Floats,
    PairedDraws,
    PairedOutcome,
    draw_pairs,
    family_sums,
    paired_bootstrap,
)
from burnish.score.statistics.intervals import wilson
from burnish.score.statistics.paired import mcnemar, paired_interval
from burnish.score.summaries.answer_summary import group_rows
from burnish.score.summaries.answers import classes_of, measure
from burnish.score.summaries.baselines import baselines

Pair = tuple[EvaluatedRow, EvaluatedRow]


def pair_rows(a: Sequence[EvaluatedRow], b: Sequence[EvaluatedRow]) -> list[Pair]:
    """Pair rows of both models for the same task and sample, in the order of ``a``.

    Raises DataError when they share none, or when a shared task id names two different tasks.
    """
    others = {(row.task_id, row.sample_index): row for row in b}
    pairs = [(row, others[row.task_id, row.sample_index]) for row in a if (row.task_id, row.sample_index) in others]
    if not pairs:
        raise DataError("the two evaluations share no task.", "Compare evaluations of the same task set.")
    for x, y in pairs:
        if (x.kind, x.expected, x.classes, x.prompt[-1:]) != (y.kind, y.expected, y.classes, y.prompt[-1:]):
            raise DataError(
                f"the task {x.task_id!r} is not the same in both evaluations.",
                "Evaluate both on one version of the task set.",
            )
    return pairs


def share_rows(a: Sequence[EvaluatedRow], b: Sequence[EvaluatedRow]) -> bool:
    """Return whether both models answered any task with the same sample number."""
    return not {(row.task_id, row.sample_index) for row in a}.isdisjoint((row.task_id, row.sample_index) for row in b)


def compare_models(
    a: tuple[str, Sequence[EvaluatedRow]],
    b: tuple[str, Sequence[EvaluatedRow]],
    *,
    tasks: Sequence[Task] = (),
    tolerance: float = 0.0,
) -> Comparison:
    """Compare model b with model a, each given as its name and rows.

    Args:
        a: the model to compare with.
        b: the other one.
        tasks: of the rows, for the baselines on the pairs; without them there are no baselines.
        tolerance: of numeric answers.
    """
    pairs = pair_rows(a[1], b[1])
    by_id = {task.id: task for task in tasks}
    kinds = []
    for rows in group_rows([x for x, _ in pairs]).values():
        wanted = {(row.task_id, row.sample_index) for row in rows}
        compared = _compare_kind([pair for pair in pairs if (pair[0].task_id, pair[0].sample_index) in wanted])
        known = [by_id[name] for name in dict.fromkeys(row.task_id for row in rows) if name in by_id]
        kinds.append(compared.model_copy(update={"baselines": baselines(known, tolerance=tolerance)}))
    return Comparison(
        a=a[0],
        b=b[0],
        only_in_a=len(a[1]) - len(pairs),
        only_in_b=len(b[1]) - len(pairs),
        kinds=tuple(kinds),
    )


def compare_rows(
    name_a: str,
    a: Sequence[EvaluatedRow],
    name_b: str,
    b: Sequence[EvaluatedRow],
    *,
    tasks: Sequence[Task] = (),
    tolerance: float = 0.0,
    rerun: Sequence[EvaluatedRow] = (),
) -> tuple[ComparisonReport, list[Disagreement]]:
    """Compare b with a, and return the pairs worth reading.

    ``tasks`` and ``tolerance`` are those of `compare_models`; ``rerun`` is another evaluation of a's model, for the
    noise floor.
    """
    compared = compare_models((name_a, a), (name_b, b), tasks=tasks, tolerance=tolerance)
    noise = tuple(_noise(a, rerun)) if rerun else ()
    report = ComparisonReport(**dict(compared), noise=noise)
    return report, [differing for pair in pair_rows(a, b) if (differing := disagreement(*pair)) is not None]


def disagreement(a: EvaluatedRow, b: EvaluatedRow) -> Disagreement | None:
    """Return what improved, regressed, or is wrong in both; None where both are right or an outcome is unknown."""
    if a.correct is None or b.correct is None or (a.correct and b.correct):
        return None
    return Disagreement(
        outcome="improvement" if b.correct else "regression" if a.correct else "both_wrong",
        task_id=a.task_id,
        sample_index=a.sample_index,
        kind=a.kind,
        prompt=a.prompt,
        expected=a.expected,
        a_extracted=a.extracted,
        b_extracted=b.extracted,
        a_text=a.text,
        b_text=b.text,
        a_problem=a.problem or a.reason,
        b_problem=b.problem or b.reason,
    )


def _noise(first: Sequence[EvaluatedRow], rerun: Sequence[EvaluatedRow]) -> Iterator[Noise]:
    for kind in compare_models(("first", first), ("rerun", rerun)).kinds:
        yield Noise(
            kind=kind.kind,
            n=kind.n,
            changed=kind.wins + kind.losses,
            differences={name: estimate.difference for name, estimate in kind.metrics.items()},
        )


def _compare_kind(pairs: Sequence[Pair]) -> KindComparison:
    a, b = alike([x for x, _ in pairs], [y for _, y in pairs])
    known = [(x, y) for x, y in pairs if x.correct is not None and y.correct is not None]
    right = [(bool(x.correct), bool(y.correct)) for x, y in known]
    metrics = _paired_estimates(a, b) if known else {}
    first = next(iter(metrics.values()), None)
    return KindComparison(
        kind=pairs[0][0].kind,
        classes=classes_of(a) if pairs[0][0].kind in ("classification", "multiple_choice") else (),
        n=len(known),
        families=len({x.family for x, _ in known}),
        wins=right.count((False, True)),
        losses=right.count((True, False)),
        both=right.count((True, True)),
        neither=right.count((False, False)),
        left_out=len(pairs) - len(known),
        metrics=metrics,
        worse=first is not None and first.ci95[1] < 0,
    )


def _paired_estimates(a: Sequence[EvaluatedRow], b: Sequence[EvaluatedRow]) -> dict[str, PairedEstimate]:
    measured_a, measured_b = measure(a), measure(b)
    estimates: dict[str, PairedEstimate] = {}
    tables: dict[bytes, _Table] = {}
    for metric in measured_a.measures:
        known_N = _known(metric, measured_a.columns_NK, measured_b.columns_NK)
        key = known_N.tobytes()
        if key not in tables:  # metrics of one table share its draws, since drawing costs most
            families = [row.family for row, known in zip(a, known_N, strict=True) if known]
            tables[key] = _Table(measured_a.columns_NK[known_N], measured_b.columns_NK[known_N], families)
        estimate = tables[key].estimate(metric)
        if estimate is not None:
            estimates[metric.name] = estimate
    return estimates


def _known(metric: Measure, a_NK: Floats, b_NK: Floats) -> NDArray[np.bool_]:
    """Return the pairs whose outcome by the metric is known of both models."""
    if metric.unknown is None:
        return np.ones(len(a_NK), dtype=np.bool_)
    return np.asarray((a_NK[:, metric.unknown] == 0) & (b_NK[:, metric.unknown] == 0))


class _Table:
    """Paired rows of both models as columns, with their families."""

    def __init__(self, a_NK: Floats, b_NK: Floats, families: Sequence[str]) -> None:
        self._a_NK, self._b_NK, self._families = a_NK, b_NK, families
        self._count = len(set(families))
        self._draws: PairedDraws | None = None

    def estimate(self, metric: Measure) -> PairedEstimate | None:
        """Estimate the metric's difference; None where it is not defined on these rows."""
        # The rows that a metric counts may depend on the answers, as in precision: such rows form no pairs
        attempted_N, other_N = (table[:, metric.attempts] > 0 for table in (self._a_NK, self._b_NK))
        paired = np.array_equal(attempted_N, other_N)
        attempted_N = attempted_N | other_N
        if not attempted_N.any():
            return None
        wins = losses = None
        if metric.rate is not None and paired:
            right_a, right_b = (table[attempted_N, metric.rate[0]] > 0 for table in (self._a_NK, self._b_NK))
            wins, losses = int(np.sum(right_b & ~right_a)), int(np.sum(right_a & ~right_b))
            if self._count == len(self._families):
                exact = mcnemar(right_a.tolist(), right_b.tolist())
                a, b = (float(metric.statistic(table.sum(axis=0))) for table in (self._a_NK, self._b_NK))
                outcome = PairedOutcome(a, b, exact.difference, exact.interval, exact.p_value)
                return _estimate(outcome, "mcnemar", exact.n, wins, losses)
        outcome = paired_bootstrap(self._drawn(), metric.statistic, bounds=metric.bounds)
        if not np.isfinite(outcome.difference):
            return None
        if outcome.interval[0] == outcome.interval[1]:
            outcome = replace(outcome, interval=self._without_spread(metric, outcome))
        return _estimate(outcome, "randomisation", int(attempted_N.sum()), wins, losses)

    def _drawn(self) -> PairedDraws:
        if self._draws is None:
            sums = (family_sums(table, self._families) for table in (self._a_NK, self._b_NK))
            self._draws = draw_pairs(*sums)
        return self._draws

    def _without_spread(self, metric: Measure, outcome: PairedOutcome) -> Interval:
        """Bound the difference when all families differ alike, since a bootstrap then shows no spread."""
        count, difference = self._count, outcome.difference
        if metric.rate is not None and difference in (0.0, 1.0, -1.0):
            changed = count * abs(difference)
            same = 0.0 if changed else count * outcome.a
            return paired_interval(changed * (difference < 0), changed * (difference > 0), same, count - changed - same)
        width, most = metric.bounds[1] - metric.bounds[0], wilson(0, count)[1]
        return max(-width, difference - most * width), min(width, difference + most * width)


def _estimate(
    outcome: PairedOutcome, test: Literal["mcnemar", "randomisation"], n: int, wins: int | None, losses: int | None
) -> PairedEstimate:
    values = asdict(outcome)
    return PairedEstimate(ci95=values.pop("interval"), **values, test=test, n=n, wins=wins, losses=losses)
