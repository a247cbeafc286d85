"""Advantages by hand, what infra may do to them, and that it may do no more."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.score.advantages import centred, group_statistics, leave_one_out, normalised

Rewards = Sequence[float | None]
ALL: list[Callable[[Rewards], list[float | None]]] = [normalised, centred, leave_one_out]
GROUPS = st.lists(st.none() | st.floats(-60, 60), max_size=12)


def test_advantages_of_two_completions_equal_those_by_hand() -> None:
    # mean 0.5; sample standard deviation sqrt((0.25 + 0.25) / 1) = 0.70711
    assert centred([1.0, 0.0]) == [0.5, -0.5]
    assert leave_one_out([1.0, 0.0]) == [1.0, -1.0]  # against the other one
    assert normalised([1.0, 0.0], epsilon=0.0) == pytest.approx([0.5 / 0.5**0.5, -0.5 / 0.5**0.5])
    assert normalised([1.0, 0.0])[0] == pytest.approx(0.5 / (0.5**0.5 + 1e-4))


def test_advantages_of_four_completions_equal_those_by_hand() -> None:
    # mean 2, deviations -2 0 0 2, variance 8 / 3
    assert centred([0.0, 2.0, 2.0, 4.0]) == [-2.0, 0.0, 0.0, 2.0]
    assert leave_one_out([0.0, 2.0, 2.0, 4.0]) == pytest.approx([-8 / 3, 0, 0, 8 / 3])
    assert normalised([0.0, 2.0, 2.0, 4.0], epsilon=0.0)[3] == pytest.approx(2 / (8 / 3) ** 0.5)


def test_infra_is_masked_and_changes_no_other() -> None:
    for advantages in ALL:
        assert advantages([None, 1.0, 0.0, None]) == [None, *advantages([1.0, 0.0]), None]
    found = group_statistics([None, 1.0, 0.0])
    assert (found.n, found.scored, found.mean, found.has_signal) == (3, 2, 0.5, True)


@pytest.mark.parametrize("rewards", [[], [None], [0.3], [0.3, None], [0.1 + 0.2] * 7])
def test_a_group_without_spread_has_no_advantage(rewards: list[float | None]) -> None:
    for advantages in ALL:
        assert advantages(rewards) == [None if reward is None else 0.0 for reward in rewards]
    assert not group_statistics(rewards).has_signal


@given(GROUPS)
def test_advantages_sum_to_zero_and_keep_the_order(rewards: list[float | None]) -> None:
    for advantages in ALL:
        found = advantages(rewards)
        assert [reward is None for reward in found] == [reward is None for reward in rewards]
        scored = [(r, a) for r, a in zip(rewards, found, strict=True) if r is not None and a is not None]
        assert sum(a for _, a in scored) == pytest.approx(0, abs=1e-6)
        ordered = [a for _, a in sorted(scored)]
        assert ordered == sorted(ordered)


@given(GROUPS, st.floats(-5, 5))
def test_a_constant_added_to_all_rewards_changes_nothing(rewards: list[float | None], more: float) -> None:
    moved = [None if reward is None else reward + more for reward in rewards]
    for advantages in (centred, leave_one_out):
        for one, other in zip(advantages(rewards), advantages(moved), strict=True):
            assert (one is None) == (other is None)
            assert one is None or one == pytest.approx(other, abs=1e-9)


GROUP, PROMPTS, FAULTS = 8, 400, 0.1
PAID = (0.0, 0.2, 0.44, 0.9, 1.0)


def _rollouts() -> tuple[list[list[float]], list[list[float | None]]]:
    """Groups of prompts of all difficulties, without faults and with a tenth of them lost."""
    rng = random.Random(7)
    clean = []
    for _ in range(PROMPTS):
        difficulty = rng.random()
        weights = [difficulty, difficulty, 0.5, 1 - difficulty, 1 - difficulty]
        clean.append(rng.choices(PAID, weights, k=GROUP))
    return clean, [[None if rng.random() < FAULTS else reward for reward in group] for group in clean]


def _noise(clean: list[list[float]]) -> float:
    """Standard error of the difference that losing a tenth at random makes to the mean."""
    rewards = [reward for group in clean for reward in group]
    lost = FAULTS * len(rewards)
    return statistics.stdev(rewards) * math.sqrt(lost / (len(rewards) - lost) / len(rewards))


def test_a_tenth_of_faults_moves_the_mean_by_no_more_than_sampling_noise() -> None:
    clean, faulty = _rollouts()
    before = statistics.fmean(reward for group in clean for reward in group)
    left = [reward for group in faulty for reward in group if reward is not None]
    as_zero = statistics.fmean(reward or 0.0 for group in faulty for reward in group)
    assert abs(statistics.fmean(left) - before) < 3 * _noise(clean)
    assert abs(as_zero - before) > 10 * _noise(clean)  # what a fault counted as a fail would do


def test_a_tenth_of_faults_moves_advantages_by_no_more_than_sampling_noise() -> None:
    clean, faulty = _rollouts()
    moved, moved_as_zero = [], []
    for group, hit in zip(clean, faulty, strict=True):
        full, kept = centred(group), centred(hit)
        zeroed = centred([reward or 0.0 for reward in hit])
        for before, after, as_zero in zip(full, kept, zeroed, strict=True):
            if after is not None and before is not None and as_zero is not None:
                moved.append(after - before)
                moved_as_zero.append(as_zero - before)
    error = statistics.stdev(moved) / len(moved) ** 0.5
    assert abs(statistics.fmean(moved)) < 3 * error  # no bias on those that were scored
    assert abs(statistics.fmean(moved_as_zero)) > 10 * error
    # and no more spread than a group that is a tenth smaller has
    spread = statistics.fmean(statistics.variance(group) for group in clean)
    assert statistics.fmean(one**2 for one in moved) < spread * FAULTS / (GROUP * (1 - FAULTS)) * 1.5
