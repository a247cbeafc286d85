"""Count the verdicts of one model, over everything that was attempted.

Infrastructure faults are counted apart, never as fails: they stay in the denominator, and the rate counts only proven
successes. Not covered: intervals (`score.summaries.answer_summary`), pass@k for k > 1.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from burnish.records import Metric, Reason, Verdict
from burnish.records.summary import CodeFindings, MetricMean
from burnish.score.metrics.error_classes import SYNTAX, error_classes

METRICS: tuple[Metric, ...] = ("compile_rate", "lint_free_rate", "tests_passed")


@dataclass(frozen=True)
class Rates:
    """Counts over ``n`` attempted completions."""

    n: int
    tested: int
    """Completions of tasks with tests."""
    successes: Mapping[Metric, int]
    infra: int
    reasons: Mapping[Reason, int]

    def attempts(self, metric: Metric) -> int:
        """Count the completions that the metric covers: for ``tests_passed`` those to tasks with tests."""
        return self.tested if metric == "tests_passed" else self.n

    def rate(self, metric: Metric) -> float | None:
        """Return successes over all attempted; 0 when nothing was attempted, None when no task has tests to pass.

        ``tests_passed`` is pass@1.
        """
        attempts = self.attempts(metric)
        return self.successes[metric] / attempts if attempts else None if self.n else 0.0


def succeeded(verdict: Verdict, metric: Metric) -> bool | None:
    """Return whether this verdict is a success of ``metric``; None when it is unknown because of infra."""
    match metric:
        case "compile_rate":
            return verdict.compiled
        case "lint_free_rate":
            return None if verdict.compiled is None else verdict.lint_free
        case "tests_passed":
            return None if verdict.status == "infra" else verdict.status == "pass"
    assert_never(metric)


def rates(verdicts: Sequence[Verdict], untested: Collection[str] = ()) -> Rates:
    """Count the verdicts of one model; an empty sequence gives zero rates. ``untested`` names tasks without tests."""
    tested = [verdict for verdict in verdicts if verdict.task_id not in untested]
    return Rates(
        n=len(verdicts),
        tested=len(tested),
        successes={
            metric: sum(
                bool(succeeded(verdict, metric)) for verdict in (tested if metric == "tests_passed" else verdicts)
            )
            for metric in METRICS
        },
        infra=sum(verdict.status == "infra" for verdict in verdicts),
        reasons=dict(Counter(verdict.reason for verdict in verdicts).most_common()),
    )


def code_findings(verdicts: Sequence[Verdict]) -> CodeFindings:
    """Count errors and lints by answers, and average syntax metrics over those answers that have them.

    An answer that cannot be parsed has no metrics and is left out of the mean; ``n`` counts the others. So a model with
    broken answers is measured on fewer answers, not on worse ones: read the mean beside the compile rate.
    """
    codes: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    lints: Counter[str] = Counter()
    for verdict in verdicts:
        if verdict.compiled is False:  # a program that compiles may still show lints that are errors by default
            errors = {d.code for d in verdict.diagnostics if d.level == "error"}
            codes.update(code or SYNTAX for code in errors)
            classes.update(error_classes(errors))
        lints.update(set(verdict.lints))
    values: defaultdict[str, list[float]] = defaultdict(list)
    for verdict in verdicts:
        for name, value in verdict.metrics.items():
            values[name].append(value)
    return CodeFindings(
        error_codes=dict(codes.most_common()),
        error_classes=dict(classes.most_common()),
        lints=dict(lints.most_common()),
        metrics={name: MetricMean(mean=sum(them) / len(them), n=len(them)) for name, them in sorted(values.items())},
    )
