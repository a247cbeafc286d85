"""Learning rates over steps."""

from __future__ import annotations

import pytest

from burnish.config.stages.optimizer import OptimizerConfig
from burnish.train.weights.optimizer import learning_rate_share


@pytest.mark.parametrize("schedule", ["linear", "cosine", "wsd", "constant"])
def test_every_schedule_rises_once_and_stays_within_zero_and_one(schedule: str) -> None:
    share = learning_rate_share(OptimizerConfig.model_validate({"schedule": schedule, "warmup_share": 0.1}), 100)
    values = [share(step) for step in range(100)]
    assert all(0 < value <= 1 for value in values)
    assert values[:10] == sorted(values[:10])
    assert values[10:] == sorted(values[10:], reverse=True)


def test_wsd_holds_the_peak_over_the_first_half_and_ends_near_zero() -> None:
    share = learning_rate_share(OptimizerConfig(schedule="wsd", warmup_share=0.0), 100)
    assert share(49) == 1.0
    assert share(75) == pytest.approx(0.5)
    assert share(99) == pytest.approx(0.02)
