"""Clustered intervals: against known cases, and by simulation of what they claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.score.statistics.clustered import clustered_interval
from burnish.score.statistics.intervals import wilson

families = st.lists(st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=40)


@given(families)
def test_the_interval_holds_the_rate_and_is_mirrored_for_failures(rows: list[tuple[int, int]]) -> None:
    successes, counts = [s for s, _ in rows], [n for _, n in rows]
    low, high = clustered_interval(successes, counts)
    total = sum(counts)
    if total:
        assert 0 <= low <= sum(successes) / total <= high <= 1
    failures = clustered_interval([n - s for s, n in rows], counts)
    assert failures == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_families_of_one_row_are_independent_rows() -> None:
    assert clustered_interval([1, 0, 1, 1], [1, 1, 1, 1]) == wilson(3, 4)


def test_copies_of_a_row_do_not_narrow_the_interval() -> None:
    """Forty families of ten equal rows are about as good as forty rows, and never as good as four hundred."""
    low, high = clustered_interval([10] * 20 + [0] * 20, [10] * 40)
    one, many = wilson(20, 40), wilson(200, 400)
    assert low <= one[0] < many[0]
    assert high >= one[1] > many[1]
    assert high - low == pytest.approx(one[1] - one[0], rel=0.05)


def test_rates_of_zero_and_one_count_families() -> None:
    assert clustered_interval([5, 5, 5], [5, 5, 5]) == wilson(3, 3)
    assert clustered_interval([0, 0, 0], [5, 5, 5]) == wilson(0, 3)
    assert clustered_interval([3], [5]) == (0.0, 1.0)
    assert clustered_interval([], []) == (0.0, 1.0)
    with pytest.raises(ValueError, match="equal lengths"):
        clustered_interval([1], [])


@pytest.mark.parametrize(("count", "alike", "rate"), [(60, 0.3, 0.6), (150, 0.5, 0.3), (100, 0.2, 0.85)])
def test_it_covers_the_rate_as_often_as_it_says_where_rows_are_alike(count: int, alike: float, rate: float) -> None:
    random = np.random.default_rng(7)
    spread = (1 - alike) / alike
    covered, naive, rounds = 0, 0, 2000
    for _ in range(rounds):
        sizes = random.integers(2, 9, count)
        successes = random.binomial(sizes, random.beta(rate * spread, (1 - rate) * spread, count))
        low, high = clustered_interval(successes.tolist(), sizes.tolist())
        covered += low <= rate <= high
        low, high = wilson(int(successes.sum()), int(sizes.sum()))
        naive += low <= rate <= high
    assert 0.93 <= covered / rounds <= 0.97
    assert naive / rounds < 0.9  # the simulation tells clustered from independent rows
