"""Compute intervals for rates whose rows come in families: rows of a family are alike, families are independent.

Rows of one family (questions about one passage, ratings of one user, samples of one task) tell less than as many
independent rows; an interval that treats them as independent is too short. Not covered: metrics that are no
rates (`score.statistics.bootstrap`), families within families.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from scipy.stats import t as student

from burnish.score.statistics.intervals import wilson


def interval_with_unknown(
    successes: Sequence[float], unknown: Sequence[float], counts: Sequence[float], level: float = 0.95
) -> tuple[float, float]:
    """Compute `clustered_interval` with unknown outcomes: its upper end counts each of them as a success.

    So what is unknown widens the interval and never shifts it downwards.
    """
    low, high = clustered_interval(successes, counts, level)
    if any(unknown):
        granted = [s + u for s, u in zip(successes, unknown, strict=True)]
        # A rate nearer 0.5 has fewer effective rows, which can lower the upper limit; unknown outcomes must not lower
        # it.
        high = max(high, clustered_interval(granted, counts, level)[1])
    return low, high


def clustered_interval(successes: Sequence[float], counts: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Compute the interval for Σ successes / Σ counts, where element g of both belongs to family g.

    The variance between families (G of them, N rows, rate p; Taylor linearisation) gives an effective sample size:

        v = G/(G - 1) · Σ (s_g - p·n_g)² / N²        n_eff = p(1 - p)/v · (z/t)²

    with z and t the quantiles of the normal and of Student's distribution with G - 1 degrees of freedom. The interval
    is Wilson's for n_eff observations, which are never more than N. Where all families have one row at most it is
    Wilson's for N. A rate of 0 or 1 shows no variance: then the families count as observations.
    Source: E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", Survey Methodology 24 (1998), with Wilson's instead of Clopper-Pearson's limits.
    One family with several rows tells nothing about others: (0, 1). Raises ValueError when lengths differ.
    """
    if len(successes) != len(counts):
        raise ValueError(f"families need equal lengths, got {len(successes)} and {len(counts)}")
    families = [(s, n) for s, n in zip(successes, counts, strict=True) if n > 0]
    total = sum(n for _, n in families)
    right = min(total, sum(s for s, _ in families))
    if all(n <= 1 for _, n in families):
        return wilson(right, total, level)
    count = len(families)
    if count < 2:
        return 0.0, 1.0
    rate = right / total
    if rate in (0.0, 1.0):
        return wilson(rate * count, count, level)
    variance = count / (count - 1) * sum((s - rate * n) ** 2 for s, n in families) / total**2
    tail = 0.5 + level / 2
    shrink = (NormalDist().inv_cdf(tail) / float(student.ppf(tail, count - 1))) ** 2
    effective = total if variance == 0 else min(float(total), rate * (1 - rate) / variance)
    effective *= shrink
    return wilson(min(effective, rate * effective), effective, level) if math.isfinite(effective) else (0.0, 1.0)
