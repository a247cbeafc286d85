"""Compute the learning rate over steps, as a share of its peak: linear warm-up, then the chosen shape."""

from __future__ import annotations

import math
from collections.abc import Callable

from burnish.config.stages.optimizer import OptimizerConfig

EXTRA_SHARE = 0.1
"""Share of the peak in steps after the planned ones; constant, so that extending twice equals extending once."""


def learning_rate_share(config: OptimizerConfig, max_steps: int) -> Callable[[int], float]:
    """Return a function from step (0-based) to a share in 0..1 of the peak learning rate.

    ``max_steps`` are the planned ones. Steps after them (``extra_steps``) do not change earlier ones.
    """
    warmup = math.ceil(config.warmup_share * max_steps)

    def share(step: int) -> float:
        if step >= max_steps:
            return 1.0 if config.schedule == "constant" else EXTRA_SHARE
        if step < warmup:
            return (step + 1) / (warmup + 1)
        left = max(0.0, (max_steps - step) / max(1, max_steps - warmup))
        match config.schedule:
            case "linear":
                return left
            case "cosine":
                return 0.5 * (1 - math.cos(math.pi * left))
            case "wsd":
                return min(1.0, 2 * left)
            case "constant":
                return 1.0

    return share
