"""Estimate pass@k: the chance that at least one of k samples of a task is right.

Not covered: choosing the one to hand out (a model with a high pass@k may have no way to tell).
"""

from __future__ import annotations

import math


def pass_at_k(samples: int, right: int, k: int) -> float:
    """Estimate pass@k without bias from ``samples`` of one task, ``right`` of them right, in 0..1.

        1 - C(n - c, k) / C(n, k)        1 when n - c < k

    Source: M. Chen et al., "Evaluating Large Language Models Trained on Code" (2021). k = 1 gives c / n.
    Raises ValueError unless 0 <= right <= samples and 1 <= k <= samples: with fewer than k samples there is no
    unbiased estimate, and leaving such tasks out would leave the denominator.
    """
    if not 0 <= right <= samples:
        raise ValueError(f"right must be in 0..{samples}, got {right}")
    if not 1 <= k <= samples:
        raise ValueError(f"k must be in 1..{samples}, got {k}")
    return 1 - math.comb(samples - right, k) / math.comb(samples, k)


def reported_k(samples: int) -> tuple[int, ...]:
    """Return the k that a report shows for tasks with at least ``samples`` samples each: 1, 5, 10, 100 and all."""
    return tuple(sorted({k for k in (1, 5, 10, 100, samples) if 1 <= k <= samples}))
