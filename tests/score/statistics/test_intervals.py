"""Wilson's interval: against scipy, at the edges, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from burnish.score.statistics.intervals import wilson

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_intervals_equal_scipy(pair: tuple[int, int], level: float) -> None:
    successes, n = pair
    expected = binomtest(successes, n).proportion_ci(confidence_level=level, method="wilson")
    assert wilson(successes, n, level) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(counts)
def test_mirrors_when_success_and_failure_swap(pair: tuple[int, int]) -> None:
    successes, n = pair
    low, high = wilson(successes, n)
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_without_observations_the_interval_is_zero_to_one() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_intervals_at_the_edges_touch_zero_and_one() -> None:
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 20)[1] > 0.1


@pytest.mark.parametrize(("successes", "n", "level"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 0.0)])
def test_refuses_impossible_counts(successes: int, n: int, level: float) -> None:
    with pytest.raises(ValueError, match="must"):
        wilson(successes, n, level)


@pytest.mark.parametrize("rate", [0.1, 0.35, 0.6, 0.9])
def test_covers_the_true_rate_about_95_times_in_100(rate: float) -> None:
    n, rounds = 300, 4000
    drawn = np.random.default_rng(7).binomial(n, rate, size=rounds)
    intervals = {int(k): wilson(int(k), n) for k in np.unique(drawn)}
    covered = sum(intervals[int(k)][0] <= rate <= intervals[int(k)][1] for k in drawn)
    assert 0.935 < covered / rounds < 0.967
