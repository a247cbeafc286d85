"""Compute confidence intervals for rates. Not covered: rows that are alike (`score.statistics.clustered`), other
metrics (bootstrap)."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Compute Wilson's score interval for a binomial rate, as ``(low, high)`` in 0..1.

    With p = successes / n and z the normal quantile of 1 - (1 - level) / 2:

        (p + z²/2n ± z · sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    ``n = 0`` tells nothing: (0, 1). ``successes`` and ``n`` may be fractions: rates averaged within
    tasks, effective sample sizes of clustered rows.
    Raises ValueError when ``successes`` is not in 0..n or ``level`` not in (0, 1).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must be in 0..{n}, got {successes}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    rate = successes / n
    scale = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / scale
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high
