"""Two models on the same rows: differences with intervals, paired tests, wins and losses, and where they disagree.

Rows are paired by task and sample. A rate over rows that have nothing in common (every family a single row) is tested
by McNemar's exact test; every other metric, and every metric over rows that come in families, by exchanging the two
models family by family (`score.statistics.bootstrap`). Not covered: more than two models, correction for many
comparisons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from burnish.errors import DataError
from burnish.records import Task
from burnish.records.evaluation import (
    ComparisonReport,
    Disagreement,
    EvaluatedRow,
    KindComparison,
    Noise,
    PairedEstimate,
)
from burnish.score.metrics.measures import Measure
from burnish.score.metrics.multiple_choice import alike
from burnish.score.statistics.bootstrap import Floats, draw_pairs, family_sums, paired_bootstrap
from burnish.score.statistics.paired import mcnemar
from burnish.score.summaries.answer_summary import group_rows
from burnish.score.summaries.answers import classes_of, measure
from burnish.score.summaries.baselines import baselines

Pair = tuple[EvaluatedRow, EvaluatedRow]


def pair_rows(a: Sequence[EvaluatedRow], b: Sequence[EvaluatedRow]) -> list[Pair]:
    """Rows of both models for the same task and sample, in the order of ``a``.

    Raises DataError when they share none, or when a task that both have is not the same task.
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
    """The comparison of b with a, and the pairs worth reading.

    Args:
        tasks: of the rows, for what trivial models reach on the pairs; without them nothing stands beside.
        tolerance: of numeric answers.
        rerun: another evaluation of a's model, for the noise floor.
    """
    pairs = pair_rows(a, b)
    by_id = {task.id: task for task in tasks}
    kinds = []
    for rows in group_rows([x for x, _ in pairs]).values():
        wanted = {(row.task_id, row.sample_index) for row in rows}
        compared = _compare_kind([pair for pair in pairs if (pair[0].task_id, pair[0].sample_index) in wanted])
        known = [by_id[name] for name in dict.fromkeys(row.task_id for row in rows) if name in by_id]
        kinds.append(compared.model_copy(update={"baselines": baselines(known, tolerance=tolerance)}))
    report = ComparisonReport(
        a=name_a,
        b=name_b,
        only_in_a=len(a) - len(pairs),
        only_in_b=len(b) - len(pairs),
        kinds=tuple(kinds),
        noise=tuple(_noise(a, rerun)) if rerun else (),
    )
    return report, [one for pair in pairs if (one := disagreement(*pair)) is not None]


def disagreement(a: EvaluatedRow, b: EvaluatedRow) -> Disagreement | None:
    """What became better, worse, or is wrong in both; None where both are right or one has no outcome."""
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
    again, _ = compare_rows("first", first, "rerun", rerun)
    for kind in again.kinds:
        yield Noise(
            kind=kind.kind,
            n=kind.n,
            changed=kind.wins + kind.losses,
            differences={name: one.difference for name, one in kind.metrics.items()},
        )


def _compare_kind(pairs: Sequence[Pair]) -> KindComparison:
    known = [(x, y) for x, y in pairs if x.correct is not None and y.correct is not None]
    a, b = alike([x for x, _ in known], [y for _, y in known])
    right = [(bool(x.correct), bool(y.correct)) for x, y in known]
    metrics = _paired_estimates(a, b) if known else {}
    first = next(iter(metrics.values()), None)
    return KindComparison(
        kind=pairs[0][0].kind,
        classes=classes_of(a) if pairs[0][0].kind in ("classification", "multiple_choice") else (),
        n=len(known),
        families=len({row.family for row in a}),
        wins=right.count((False, True)),
        losses=right.count((True, False)),
        both=right.count((True, True)),
        neither=right.count((False, False)),
        left_out=len(pairs) - len(known),
        metrics=metrics,
        worse=first is not None and first.ci95[1] < 0,
    )


def _paired_estimates(a: Sequence[EvaluatedRow], b: Sequence[EvaluatedRow]) -> dict[str, PairedEstimate]:
    families = [row.family for row in a]
    independent = len(set(families)) == len(families)
    measured_a, measured_b = measure(a), measure(b)
    draws = draw_pairs(family_sums(measured_a.columns_NK, families), family_sums(measured_b.columns_NK, families))
    found: dict[str, PairedEstimate] = {}
    for one in measured_a.measures:
        if independent and one.rate is not None:
            estimate = _mcnemar(one, one.rate, measured_a.columns_NK, measured_b.columns_NK)
        else:
            outcome = paired_bootstrap(draws, one.statistic, bounds=one.bounds)
            if not np.isfinite(outcome.difference):
                continue
            estimate = PairedEstimate(
                a=outcome.a,
                b=outcome.b,
                difference=outcome.difference,
                ci95=outcome.interval,
                p_value=outcome.p_value,
                test="randomisation",
            )
        if estimate is not None:
            found[one.name] = estimate
    return found


def _mcnemar(
    measure: Measure,
    rate: tuple[int, int],
    a_NK: Floats,
    b_NK: Floats,
) -> PairedEstimate | None:
    """The rate's exact test over rows that attempt it; None when there are none. Both models attempt the same rows."""
    successes, attempts = rate
    attempted = a_NK[:, attempts] > 0
    if not attempted.any():
        return None
    outcome = mcnemar(
        [bool(value) for value in a_NK[attempted, successes]], [bool(value) for value in b_NK[attempted, successes]]
    )
    return PairedEstimate(
        a=float(measure.statistic(a_NK.sum(axis=0))),
        b=float(measure.statistic(b_NK.sum(axis=0))),
        difference=outcome.difference,
        ci95=outcome.interval,
        p_value=outcome.p_value,
        test="mcnemar",
    )
