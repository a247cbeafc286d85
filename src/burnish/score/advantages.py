"""Compute advantages within a group of completions of one prompt.

A completion without a reward (infra) has the advantage None, and enters neither mean nor spread. A loss must mask it
out, never count it as 0 or as the mean.

| function | advantage of sample i of n scored ones | source |
| --- | --- | --- |
| `normalised` | (r_i - mean) / (std + epsilon) | GRPO: Shao et al. 2024, arXiv:2402.03300 |
| `centred` | r_i - mean | Dr. GRPO: Liu et al. 2025, arXiv:2503.20783 |
| `leave_one_out` | r_i - mean of the others | RLOO: Ahmadian et al. 2024, arXiv:2402.14740 |

``std`` is the sample standard deviation (n - 1), as TRL has it. Degenerate: with fewer than two scored samples, or all
rewards equal, every scored advantage is 0.

Not covered: batch-wide normalisation, clipping.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

EPSILON = 1e-4
"""Added to the standard deviation, as TRL does."""


@dataclass(frozen=True)
class GroupStatistics:
    """Mean and spread of one group's rewards."""

    n: int
    scored: int
    mean: float | None
    """None when nothing was scored."""
    std: float
    """Sample standard deviation; 0 with fewer than two scored."""

    @property
    def has_signal(self) -> bool:
        """Return whether any advantage differs from 0."""
        return self.std > 0


def group_statistics(rewards: Sequence[float | None]) -> GroupStatistics:
    """Count the scored rewards, and compute their mean and spread."""
    scored = [reward for reward in rewards if reward is not None]
    # statistics is exact: equal rewards give a spread of 0, where a sum of squares of floats may not
    std = statistics.stdev(scored) if len(scored) > 1 else 0.0
    return GroupStatistics(len(rewards), len(scored), statistics.fmean(scored) if scored else None, std)


def normalised(rewards: Sequence[float | None], epsilon: float = EPSILON) -> list[float | None]:
    """Return distances from the group's mean in standard deviations."""
    scale = group_statistics(rewards).std + epsilon
    return [None if advantage is None else advantage / scale for advantage in centred(rewards)]


def centred(rewards: Sequence[float | None]) -> list[float | None]:
    """Return distances from the group's mean, in units of the reward."""
    group = group_statistics(rewards)
    if group.mean is None or not group.has_signal:
        return [None if reward is None else 0.0 for reward in rewards]
    mean = group.mean
    return [None if reward is None else reward - mean for reward in rewards]


def leave_one_out(rewards: Sequence[float | None]) -> list[float | None]:
    """Return distances from the mean of the others: n / (n - 1) times the distance from the group's mean."""
    scored = group_statistics(rewards).scored
    factor = scored / (scored - 1) if scored > 1 else 0.0
    return [None if advantage is None else advantage * factor for advantage in centred(rewards)]
