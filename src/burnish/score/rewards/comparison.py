"""Compare reward shapes on existing samples: signal, agreement with the tests, bias, mistakes.

| figure | is |
| --- | --- |
| `signal_share` | share of the groups whose rewards differ (std > 0), among those with two or more scored samples |
| `tau_tests` | rank agreement of reward and share of tests passed: Kendall's tau-b (M. Kendall, Biometrika 33 (1945)) |
| `rho_length` | rank correlation of reward and length in characters: Spearman's rho |

Both correlations go over all scored samples, whatever their task; None where one side is constant. Not covered: what
a policy would learn from it.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from scipy import stats

from burnish.records import Score, Verdict
from burnish.score.advantages import group_statistics
from burnish.score.rewards.evidence import passed_share


@dataclass(frozen=True)
class Sample:
    """One judged completion, and the group in which its advantage is computed."""

    group: Hashable
    text: str
    verdict: Verdict


@dataclass(frozen=True)
class WrongProgram:
    """A program that failed, and its reward."""

    task_id: str
    sample_index: int
    reward: float
    reason: str
    passed: int
    expected: int
    code: str


@dataclass(frozen=True)
class ShapeReport:
    """Figures of one shape over all samples."""

    shape: str
    scored: int
    unscored: dict[str, int]
    """Reason -> samples."""
    mean: float | None
    groups: int
    """Groups with two or more scored samples."""
    signal_share: float | None
    tau_tests: float | None
    rho_length: float | None
    top_wrong: tuple[WrongProgram, ...]


def compare_shape(shape: str, samples: Sequence[Sample], scores: Sequence[Score], top: int) -> ShapeReport:
    """Compute the figures of one shape; ``scores`` are those of ``samples``, in their order."""
    pairs = [(sample, score.value) for sample, score in zip(samples, scores, strict=True) if score.value is not None]
    rewards = [value for _, value in pairs]
    groups: defaultdict[Hashable, list[float]] = defaultdict(list)
    for sample, value in pairs:
        groups[sample.group].append(value)
    spreads = [group_statistics(values) for values in groups.values() if len(values) > 1]
    shares = [passed_share(sample.verdict) for sample, _ in pairs]
    lengths = [float(len(sample.text)) for sample, _ in pairs]
    return ShapeReport(
        shape=shape,
        scored=len(pairs),
        unscored=dict(Counter(score.unscored_reason for score in scores if score.value is None)),
        mean=statistics.fmean(rewards) if rewards else None,
        groups=len(spreads),
        signal_share=sum(spread.has_signal for spread in spreads) / len(spreads) if spreads else None,
        tau_tests=_defined(rewards, shares, lambda: float(stats.kendalltau(rewards, shares, variant="b").statistic)),
        rho_length=_defined(rewards, lengths, lambda: float(stats.spearmanr(rewards, lengths).statistic)),
        top_wrong=_top_wrong(pairs, top),
    )


def _defined(left: Sequence[float], right: Sequence[float], correlation: Callable[[], float]) -> float | None:
    """Return the correlation; None where a side is constant."""
    if len(set(left)) < 2 or len(set(right)) < 2:
        return None
    value = correlation()
    return None if math.isnan(value) else value


def _top_wrong(pairs: Sequence[tuple[Sample, float]], top: int) -> tuple[WrongProgram, ...]:
    """Return the distinct failed programs with the highest rewards, the earlier one of equals."""
    wrong = sorted((pair for pair in pairs if pair[0].verdict.status == "fail"), key=lambda pair: -pair[1])
    distinct: dict[tuple[str, str], WrongProgram] = {}
    for sample, value in wrong:
        if len(distinct) == top:
            break
        verdict = sample.verdict
        key = (verdict.task_id, verdict.code)
        distinct.setdefault(
            key,
            WrongProgram(
                verdict.task_id, verdict.sample_index, value, verdict.reason, verdict.tests.passed,
                verdict.tests.expected, verdict.code,
            ),
        )  # fmt: skip
    return tuple(distinct.values())
