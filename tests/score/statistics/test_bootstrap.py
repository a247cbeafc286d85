"""Bootstrap and randomisation: exact cases, and by simulation of what they claim."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from burnish.score.metrics.measures import ratio
from burnish.score.statistics.bootstrap import (
    Floats,
    bootstrap_interval,
    draw,
    draw_pairs,
    family_sums,
    paired_bootstrap,
)

ROUNDS = 600


def rate(sums: Floats) -> Floats:
    return ratio(sums[..., 1], sums[..., 0])


def f1(sums: Floats) -> Floats:
    """Columns: rows, true positives, false positives, false negatives."""
    return ratio(2 * sums[..., 1], 2 * sums[..., 1] + sums[..., 2] + sums[..., 3])


def test_families_are_summed_in_order_of_appearance() -> None:
    columns = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 5.0]])
    assert family_sums(columns, ["b", "a", "b"]).tolist() == [[2.0, 7.0], [1.0, 3.0]]


def test_the_same_rows_give_the_same_interval_and_families_are_drawn_whole() -> None:
    rows = np.array([[1.0, float(n % 3 == 0)] for n in range(60)])
    alone = family_sums(rows, [str(n) for n in range(60)])
    tenfold = family_sums(np.repeat(rows, 10, axis=0), [str(n) for n in range(60) for _ in range(10)])
    assert bootstrap_interval(draw(alone), rate) == bootstrap_interval(draw(alone), rate)
    assert bootstrap_interval(draw(tenfold), rate) == pytest.approx(bootstrap_interval(draw(alone), rate))


def test_fewer_than_two_families_give_the_widest_interval() -> None:
    one = np.array([[5.0, 3.0]])
    assert bootstrap_interval(draw(one), rate) == (0.0, 1.0)
    assert bootstrap_interval(draw(np.zeros((0, 2))), rate) == (0.0, 1.0)
    assert paired_bootstrap(draw_pairs(one, one), rate).p_value == 1.0
    with pytest.raises(ValueError, match="equal shapes"):
        draw_pairs(one, np.zeros((2, 2)))


def test_the_p_value_of_few_families_is_the_share_of_all_exchanges() -> None:
    random = np.random.default_rng(5)
    sizes = random.integers(1, 5, 8)
    a, b = random.binomial(sizes, 0.3), random.binomial(sizes, 0.8)
    outcome = paired_bootstrap(
        draw_pairs(np.stack([sizes, a], 1).astype(float), np.stack([sizes, b], 1).astype(float)), rate
    )
    observed = abs(b.sum() - a.sum())
    signs = itertools.product((-1, 1), repeat=8)
    hits = [abs(int(np.dot(one, b - a))) >= observed for one in signs]
    assert outcome.p_value == pytest.approx(sum(hits) / len(hits))
    assert outcome.difference == pytest.approx((b.sum() - a.sum()) / sizes.sum())


def test_swapping_the_models_mirrors_difference_and_interval() -> None:
    random = np.random.default_rng(6)
    a, b = (np.stack([np.ones(40), random.integers(0, 2, 40)], 1) for _ in range(2))
    forward, backward = paired_bootstrap(draw_pairs(a, b), rate), paired_bootstrap(draw_pairs(b, a), rate)
    assert forward.difference == pytest.approx(-backward.difference)
    assert forward.interval == pytest.approx((-backward.interval[1], -backward.interval[0]))


def test_intervals_of_rates_and_of_f1_cover_as_often_as_they_say() -> None:
    random = np.random.default_rng(11)
    true_f1 = 0.6  # both are 1 with probability E[p²] = 0.3, and each with 0.5, for p from Beta(2, 2)
    hits = [0, 0]
    for seed in range(ROUNDS):
        chance = random.beta(2, 2, 80)
        sizes = random.integers(1, 6, 80)
        families = np.repeat(np.arange(80), sizes)
        right, said = (random.random(len(families)) < chance[families] for _ in range(2))
        rows = np.stack([np.ones(len(families)), right & said, ~right & said, right & ~said], 1).astype(float)
        draws = draw(family_sums(rows, [str(family) for family in families]), seed=seed, draws=1000)
        low, high = bootstrap_interval(draws, lambda sums: ratio(sums[..., 1] + sums[..., 3], sums[..., 0]))
        hits[0] += low <= 0.5 <= high
        low, high = bootstrap_interval(draws, f1)
        hits[1] += low <= true_f1 <= high
    assert 0.93 <= hits[0] / ROUNDS <= 0.97
    assert 0.93 <= hits[1] / ROUNDS <= 0.97


def test_the_paired_test_has_its_level_and_its_interval_covers_where_rows_are_alike() -> None:
    random = np.random.default_rng(12)
    rejected = covered = naive = 0
    for seed in range(ROUNDS):
        sizes = random.integers(1, 6, 60)
        chance = random.beta(2, 2, 60)
        one, other = (random.binomial(sizes, random.beta(4 * chance + 0.2, 4.2 - 4 * chance)) for _ in range(2))
        a, b = (np.stack([sizes, successes], 1).astype(float) for successes in (one, other))
        outcome = paired_bootstrap(draw_pairs(a, b, seed=seed, draws=1000), rate)
        rejected += outcome.p_value <= 0.05
        covered += outcome.interval[0] <= 0 <= outcome.interval[1]
        # Rows taken for independent: a z-test with the fewest discordant rows that these sums allow.
        difference = other - one
        naive += abs(difference.sum()) > 1.96 * np.sqrt(np.abs(difference).sum())
    assert 0.03 <= rejected / ROUNDS <= 0.07
    assert 0.93 <= covered / ROUNDS <= 0.97
    assert naive / ROUNDS > 0.1
