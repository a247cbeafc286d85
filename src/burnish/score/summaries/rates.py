"""Rates of one measured model from its verdicts, over everything that was attempted.

Infrastructure faults are counted beside, never as fails: the denominator keeps them (nothing is left out), the
rate is what is proven, and the upper end of the interval grants each of them as a success. So a fault can widen
an interval but not shift what it covers downwards. Not covered: pass@k for k > 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from burnish.records import Metric, Reason, Verdict
from burnish.score.metrics.error_classes import SYNTAX, error_classes
from burnish.score.statistics.intervals import wilson

METRICS: tuple[Metric, ...] = ("compile_rate", "lint_free_rate", "tests_passed")


@dataclass(frozen=True)
class Rates:
    """Counts over ``n`` attempted completions of ``tasks`` tasks; rates are properties in 0..1."""

    n: int
    tasks: int
    compiled: int
    lint_free: int
    passed: int
    infra: int
    unknown_compiled: int
    """Infra before it was known whether the code compiles; the other infra verdicts do count as compiled or not."""
    reasons: Mapping[Reason, int]
    error_codes: Mapping[str, int]
    """Compiler error code -> completions that did not compile and showed it; ``syntax`` for errors without a code."""
    lints: Mapping[str, int]
    error_classes: Mapping[str, int]
    """Class of compiler errors -> completions that did not compile and showed it."""

    @property
    def compile_rate(self) -> float:
        return self.rate("compile_rate")

    @property
    def lint_free_rate(self) -> float:
        return self.rate("lint_free_rate")

    @property
    def tests_passed(self) -> float:
        """pass@1 (Chen et al. 2021 with k = 1): the mean over tasks of the share of passing samples."""
        return self.rate("tests_passed")

    def rate(self, metric: Metric) -> float:
        """Successes over all attempted; 0 when nothing was attempted."""
        return self._counts(metric)[0] / self.n if self.n else 0.0

    def interval(self, metric: Metric, level: float = 0.95) -> tuple[float, float]:
        """Wilson's interval, its upper end counting what infra kept us from knowing as successes.

        Samples of one task are not independent, so the sample size is the number of tasks: as wide as if further
        samples of a task told nothing new, which is exact for one sample per task.
        """
        if self.n == 0:
            return 0.0, 1.0
        successes, unknown = self._counts(metric)
        per_task = self.tasks / self.n
        low, _ = wilson(successes * per_task, self.tasks, level)
        _, high = wilson(min(self.tasks, (successes + unknown) * per_task), self.tasks, level)
        return low, high

    def _counts(self, metric: Metric) -> tuple[int, int]:
        match metric:
            case "compile_rate":
                return self.compiled, self.unknown_compiled
            case "lint_free_rate":
                return self.lint_free, self.unknown_compiled
            case "tests_passed":
                return self.passed, self.infra
        assert_never(metric)


def succeeded(verdict: Verdict, metric: Metric) -> bool | None:
    """Whether this verdict is a success of ``metric``; None when infra kept us from knowing."""
    match metric:
        case "compile_rate":
            return verdict.compiled
        case "lint_free_rate":
            return None if verdict.compiled is None else verdict.lint_free
        case "tests_passed":
            return None if verdict.status == "infra" else verdict.status == "pass"
    assert_never(metric)


def rates(verdicts: Sequence[Verdict]) -> Rates:
    """Count the verdicts of one model; an empty sequence gives zero rates with intervals of (0, 1)."""
    outcome = {metric: [succeeded(verdict, metric) for verdict in verdicts] for metric in METRICS}
    codes: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    lints: Counter[str] = Counter()
    for verdict in verdicts:
        if verdict.compiled is False:  # a program that compiles may still show lints that are errors by default
            errors = {d.code for d in verdict.diagnostics if d.level == "error"}
            codes.update(code or SYNTAX for code in errors)
            classes.update(error_classes(errors))
        lints.update(set(verdict.lints))
    return Rates(
        n=len(verdicts),
        tasks=len({verdict.task_id for verdict in verdicts}),
        compiled=outcome["compile_rate"].count(True),
        lint_free=outcome["lint_free_rate"].count(True),
        passed=outcome["tests_passed"].count(True),
        infra=outcome["tests_passed"].count(None),
        unknown_compiled=outcome["compile_rate"].count(None),
        reasons=dict(Counter(verdict.reason for verdict in verdicts).most_common()),
        error_codes=dict(codes.most_common()),
        lints=dict(lints.most_common()),
        error_classes=dict(classes.most_common()),
    )
