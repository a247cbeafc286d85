"""Summarise judged answers kind by kind: metrics with intervals, confusion, baselines, times, compiler errors.

Intervals go by families of rows: Wilson's or a clustered one for rates, a bootstrap over families for the others.
Not covered: comparing two models (`score.summaries.comparison`), all of ``summary.json`` (`score.summaries.summary`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from burnish.records import Task, TaskKind, Verdict
from burnish.records.evaluation import EvaluatedRow
from burnish.records.summary import Estimate, Interval, KindSummary, Timing
from burnish.score.metrics.classification import confusion, per_class
from burnish.score.metrics.measures import Measure, Measured, mean
from burnish.score.metrics.pass_at_k import pass_at_k, reported_k
from burnish.score.statistics.bootstrap import Draws, Floats, bootstrap_interval, draw, family_sums
from burnish.score.statistics.clustered import clustered_interval, interval_with_unknown
from burnish.score.statistics.intervals import wilson
from burnish.score.summaries.answers import classes_of, is_tested, measure
from burnish.score.summaries.baselines import baselines
from burnish.score.summaries.rates import code_findings

MOST_PARTS = 32
"""Names of families that begin in more ways than this are names of tasks, not of kinds."""
Group = tuple[TaskKind, tuple[str, ...]]
"""Rows that are measured together: a kind, and for classification its labels."""


def group_of(kind: TaskKind, labels: Sequence[str]) -> Group:
    """Return the group of a task or row."""
    return kind, tuple(labels) if kind == "classification" else ()


def group_rows(rows: Sequence[EvaluatedRow]) -> dict[Group, list[EvaluatedRow]]:
    """Group rows, in order of first appearance."""
    groups: defaultdict[Group, list[EvaluatedRow]] = defaultdict(list)
    for row in rows:
        groups[group_of(row.kind, row.classes)].append(row)
    return dict(groups)


def summarise_answers(
    tasks: Sequence[Task], rows: Sequence[EvaluatedRow], verdicts: Sequence[Verdict] = (), *, tolerance: float
) -> tuple[KindSummary, ...]:
    """Summarise the rows of each group.

    Args:
        tasks: those that were attempted, for the baselines.
        rows: all judged answers of one model.
        verdicts: of its Rust answers, for what the compiler and the syntax tree say.
        tolerance: of numeric answers, for the baselines.
    """
    by_group: defaultdict[Group, list[Task]] = defaultdict(list)
    for task in tasks:
        by_group[group_of(task.kind, task.labels)].append(task)
    return tuple(
        _summarise(by_group.get(group, []), rows_of_group, verdicts if group[0] == "rust" else (), tolerance)
        for group, rows_of_group in group_rows(rows).items()
    )


def estimates(rows: Sequence[EvaluatedRow]) -> dict[str, Estimate]:
    """Compute every metric of one group's rows with its 95 % interval, and pass@k where tasks have several samples."""
    families = [row.family for row in rows]
    by_metric = _estimates(measure(rows), families)
    return by_metric | _pass_at_k(rows)


def _summarise(
    tasks: Sequence[Task], rows: Sequence[EvaluatedRow], verdicts: Sequence[Verdict], tolerance: float
) -> KindSummary:
    kind = rows[0].kind
    classes = classes_of(rows) if kind in ("classification", "multiple_choice") else ()
    problems = Counter(row.reason if kind == "rust" else row.problem for row in rows)
    del problems[""]
    return KindSummary(
        kind=kind,
        n=len(rows),
        tasks=len({row.task_id for row in rows}),
        families=len({row.family for row in rows}),
        correct=sum(bool(row.correct) and (kind != "rust" or is_tested(row)) for row in rows),
        untested=len({row.task_id for row in rows if kind == "rust" and not is_tested(row)}),
        unparsed=sum(row.extracted is None for row in rows),
        infra=sum(row.correct is None for row in rows),
        problems={str(problem): count for problem, count in problems.most_common()},
        metrics=estimates(rows),
        classes=classes,
        confusion=confusion(rows, classes) if classes else {},
        per_class=per_class(rows, classes) if classes else {},
        baselines=baselines(tasks, tolerance=tolerance),
        timing=_timing(rows),
        parts=_parts(rows) if kind == "rust" else {},
        code=code_findings(verdicts) if kind == "rust" else None,
    )


def _parts(rows: Sequence[EvaluatedRow]) -> dict[str, dict[str, Estimate]]:
    """Return the rates of rows by the first part of their families' names, where these name 2 to `MOST_PARTS` parts."""
    parts: defaultdict[str, list[EvaluatedRow]] = defaultdict(list)
    for row in rows:
        parts[row.family.split("/", 1)[0]].append(row)
    if not 2 <= len(parts) <= MOST_PARTS or len(parts) == len({row.family for row in rows}):
        return {}
    return {part: _estimates(measure(parts[part]), [row.family for row in parts[part]]) for part in sorted(parts)}


def _estimates(measured: Measured, families: Sequence[str]) -> dict[str, Estimate]:
    sums_GK = family_sums(measured.columns_NK, families)
    total = sums_GK.sum(axis=0)
    draws = draw(sums_GK)
    by_metric = {}
    for metric in measured.measures:
        value = float(metric.statistic(total))
        if np.isfinite(value):  # nan without rows, such as those without an answer
            n = int(total[metric.attempts])
            by_metric[metric.name] = Estimate(value=value, ci95=_interval(metric, sums_GK, draws), n=n)
    return by_metric


def _interval(measure: Measure, sums_GK: Floats, draws: Draws) -> Interval:
    if measure.rate is not None:
        successes, attempts = (sums_GK[:, column].tolist() for column in measure.rate)
        if measure.unknown is None:
            return clustered_interval(successes, attempts)
        return interval_with_unknown(successes, sums_GK[:, measure.unknown].tolist(), attempts)
    # Only families with a row that the metric counts are observations: ten positives among 300 rows are ten
    families = int(np.count_nonzero(sums_GK[:, measure.attempts]))
    low, high = bootstrap_interval(replace(draws, families=families), measure.statistic, bounds=measure.bounds)
    # Families that are all alike have no spread in a bootstrap: bound the rate as if each were one observation.
    if low == high == measure.bounds[1]:
        low = wilson(families, families)[0]
    elif low == high == measure.bounds[0]:
        high = wilson(0, families)[1]
    return low, high


def _pass_at_k(rows: Sequence[EvaluatedRow]) -> dict[str, Estimate]:
    """Compute pass@k as the mean over tasks; nothing where a task has a single sample."""
    samples: defaultdict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row.kind != "rust" or is_tested(row):  # a task without tests cannot be passed
            samples[row.task_id].append(bool(row.correct))
    fewest = min(map(len, samples.values()), default=0)
    if fewest < 2:
        return {}
    family = {row.task_id: row.family for row in rows}
    by_metric: dict[str, Estimate] = {}
    for k in reported_k(fewest):
        columns = np.array([[1.0, pass_at_k(len(ones), sum(ones), k)] for ones in samples.values()])
        measured = Measured(columns, (mean(f"pass@{k}", 1),))
        by_metric |= _estimates(measured, [family[task] for task in samples])
    return by_metric


def _timing(rows: Sequence[EvaluatedRow]) -> Timing | None:
    timed = [row for row in rows if row.seconds > 0]
    if not timed:
        return None
    seconds = np.array([row.seconds for row in timed])
    tokens = sum(row.completion_tokens for row in timed)
    p50, p95 = np.quantile(seconds, (0.5, 0.95))
    return Timing(
        seconds_p50=round(float(p50), 6),
        seconds_p95=round(float(p95), 6),
        completion_tokens=tokens,
        tokens_per_s=round(tokens / float(seconds.sum()), 3),
    )
