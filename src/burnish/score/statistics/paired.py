"""Compare two models on independent rows: exact McNemar test, and an interval for the difference.

Not covered: more than two models at once, correction for many comparisons, rows that come in families
(`score.statistics.bootstrap`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from burnish.score.statistics.intervals import wilson


@dataclass(frozen=True)
class PairedTest:
    """Outcome over ``n`` pairs; ``difference`` is the rate of b minus the rate of a."""

    n: int
    only_a: int
    only_b: int
    both: int
    neither: int
    difference: float
    interval: tuple[float, float]
    p_value: float


def mcnemar(a: Sequence[bool], b: Sequence[bool], level: float = 0.95) -> PairedTest:
    """Test whether ``b`` succeeds more or less often than ``a``; element i of both belongs to task i.

    The p-value is exact and two-sided. Under the null hypothesis the discordant pairs fall to either side like
    a fair coin, so p is that of scipy's ``binomtest`` for only_a of only_a + only_b; without any, p = 1.
    Source: Q. McNemar, Psychometrika 12 (1947), in its exact form. The interval is `paired_interval`; it comes
    from another method, so near p = 1 - level the two may disagree on whether zero is excluded.
    Raises ValueError when the lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need equal lengths, got {len(a)} and {len(b)}")
    n = len(a)
    both = sum(x and y for x, y in zip(a, b, strict=True))
    only_a = sum(a) - both
    only_b = sum(b) - both
    neither = n - both - only_a - only_b
    return PairedTest(
        n=n,
        only_a=only_a,
        only_b=only_b,
        both=both,
        neither=neither,
        difference=(only_b - only_a) / n if n else 0.0,
        interval=paired_interval(only_a, only_b, both, neither, level),
        p_value=float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0,
    )


def paired_interval(
    only_a: float, only_b: float, both: float, neither: float, level: float = 0.95
) -> tuple[float, float]:
    """Compute the interval for rate(b) - rate(a) by Newcombe's method 10: Wilson limits squared and added, less their
    correlation.

    With rates p_a, p_b, their Wilson limits (l, u), D = p_b - p_a and the correlation φ of the 2 x 2 table, whose
    numerator is lowered by n/2 (not below 0) when positive:

        low  = D - sqrt((p_b - l_b)² - 2φ(p_b - l_b)(u_a - p_a) + (u_a - p_a)²)
        high = D + sqrt((u_b - p_b)² - 2φ(u_b - p_b)(p_a - l_a) + (p_a - l_a)²)

    Source: R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on
    paired data", Statistics in Medicine 17 (1998), 2635-2650. φ = 0 when a margin is empty; no pairs: (-1, 1).
    Counts may be fractions: those of effective sample sizes.
    """
    n = only_a + only_b + both + neither
    if n == 0:
        return -1.0, 1.0
    successes_a, successes_b = both + only_a, both + only_b
    low_a, high_a = wilson(successes_a, n, level)
    low_b, high_b = wilson(successes_b, n, level)
    rate_a, rate_b = successes_a / n, successes_b / n
    phi = _correlation(only_a, only_b, both, neither)
    difference = rate_b - rate_a
    down = _combine(rate_b - low_b, high_a - rate_a, phi)
    up = _combine(high_b - rate_b, rate_a - low_a, phi)
    return max(-1.0, difference - down), min(1.0, difference + up)


def _correlation(only_a: float, only_b: float, both: float, neither: float) -> float:
    margins = (both + only_a) * (both + only_b) * (neither + only_a) * (neither + only_b)
    if margins == 0:
        return 0.0
    product = float(both * neither - only_a * only_b)
    if product > 0:
        product = max(0.0, product - (only_a + only_b + both + neither) / 2)
    return product / math.sqrt(margins)


def _combine(first: float, second: float, phi: float) -> float:
    return math.sqrt(max(0.0, first * first - 2 * phi * first * second + second * second))
