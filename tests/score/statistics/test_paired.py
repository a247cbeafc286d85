"""The paired test and its interval: against scipy, a published example, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from burnish.score.statistics.paired import mcnemar, paired_interval

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=300)


def split(pairs: list[tuple[bool, bool]]) -> tuple[list[bool], list[bool]]:
    return [a for a, _ in pairs], [b for _, b in pairs]


@given(outcomes)
def test_p_value_equals_the_exact_binomial_test(pairs: list[tuple[bool, bool]]) -> None:
    test = mcnemar(*split(pairs))
    discordant = test.only_a + test.only_b
    expected = binomtest(test.only_a, discordant, 0.5).pvalue if discordant else 1.0
    assert test.p_value == pytest.approx(expected, rel=1e-9)


@given(outcomes)
def test_counts_add_up_and_difference_is_b_minus_a(pairs: list[tuple[bool, bool]]) -> None:
    a, b = split(pairs)
    test = mcnemar(a, b)
    assert test.only_a + test.only_b + test.both + test.neither == test.n == len(pairs)
    if pairs:
        assert test.difference == pytest.approx(sum(b) / len(b) - sum(a) / len(a))
    assert -1 <= test.interval[0] <= test.difference <= test.interval[1] <= 1


@given(outcomes)
def test_swapping_the_models_mirrors_everything(pairs: list[tuple[bool, bool]]) -> None:
    a, b = split(pairs)
    forward, backward = mcnemar(a, b), mcnemar(b, a)
    assert backward.p_value == forward.p_value
    assert backward.interval == pytest.approx((-forward.interval[1], -forward.interval[0]))


def test_p_values_of_large_samples_do_not_underflow() -> None:
    test = mcnemar([False] * 3000, [True] * 3000)
    assert 0 <= test.p_value < 1e-300
    assert test.difference == 1.0


def test_without_discordant_pairs_the_p_value_is_one() -> None:
    assert mcnemar([], []).p_value == 1.0
    assert mcnemar([], []).interval == (-1.0, 1.0)
    assert mcnemar([True, False], [True, False]).p_value == 1.0


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="equal lengths"):
        mcnemar([True], [])


# Newcombe (1998), table II, method 10: (both, only first, only second, neither), first minus second.
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((0, 30, 0, 0), (0.8395, 1.0)),
        ((14, 5, 0, 22), (0.0114, 0.2265)),  # positive φ, lowered by n/2: Altman et al. (2000), table 6.2
    ],
)
def test_interval_matches_the_published_example(
    table: tuple[int, int, int, int], expected: tuple[float, float]
) -> None:
    both, only_first, only_second, neither = table
    low, high = paired_interval(only_a=only_second, only_b=only_first, both=both, neither=neither)
    assert (low, high) == pytest.approx(expected, abs=5e-4)


def simulate(rate_only_a: float, rate_only_b: float, rate_both: float, rounds: int, n: int) -> np.ndarray:
    """Counts of (only a, only b, both, neither), shape (rounds, 4)."""
    chances = [rate_only_a, rate_only_b, rate_both, 1 - rate_only_a - rate_only_b - rate_both]
    return np.random.default_rng(11).multinomial(n, chances, size=rounds)


@pytest.mark.parametrize("cells", [(0.1, 0.1, 0.5), (0.05, 0.3, 0.4), (0.02, 0.1, 0.85)])
def test_interval_covers_the_true_difference(cells: tuple[float, float, float]) -> None:
    drawn = simulate(*cells, rounds=3000, n=250)
    truth = cells[1] - cells[0]
    inside = 0
    for only_a, only_b, both, neither in drawn.tolist():
        low, high = paired_interval(only_a, only_b, both, neither)
        inside += low <= truth <= high
    assert 0.93 < inside / len(drawn) < 0.985


@pytest.mark.parametrize("discordant", [0.05, 0.2, 0.5])
def test_holds_its_level_when_the_models_are_equal(discordant: float) -> None:
    drawn = simulate(discordant / 2, discordant / 2, 0.4, rounds=2000, n=250)
    rejected = 0
    for only_a, only_b, both, neither in drawn.tolist():
        a = [True] * only_a + [False] * only_b + [True] * both + [False] * neither
        b = [False] * only_a + [True] * only_b + [True] * both + [False] * neither
        rejected += mcnemar(a, b).p_value < 0.05
    assert 0.005 < rejected / len(drawn) <= 0.055
