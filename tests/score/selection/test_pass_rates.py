"""Which tasks are drawn: the weights by hand, chances in proportion, all in turn before any again."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.score.selection.pass_rates import FLOOR, PassRates, draw_in_turn
from tests.score.example_verdicts import infra, passing, wrong


def test_rates_and_weights() -> None:
    rates = PassRates()
    rates.add([passing("half"), wrong("half"), infra("half"), passing("all"), wrong("none"), infra("unknown")])
    assert [rates.rate(name) for name in ("half", "all", "none", "unknown")] == [0.5, 1.0, 0.0, None]
    assert [rates.weight(name) for name in ("half", "all", "none", "unknown")] == [1.0, FLOOR, FLOOR, 1.0]
    rates.add([passing("half")] * 2)
    assert rates.weight("half") == pytest.approx(4 * 0.75 * 0.25)


def test_tasks_are_drawn_in_proportion_to_their_weights() -> None:
    rates = PassRates()
    rates.add([passing("always"), passing("mixed"), wrong("mixed")])
    drawn = Counter(rates.draw(["always", "mixed"], 1, seed)[0] for seed in range(2000))
    share = FLOOR / (1 + FLOOR)
    assert drawn["always"] / 2000 == pytest.approx(share, abs=3 * (share * (1 - share) / 2000) ** 0.5)


def test_a_draw_is_the_same_for_a_seed_and_in_the_order_given() -> None:
    names = [f"t{n}" for n in range(20)]
    first = PassRates().draw(names, 8, 1)
    assert first == PassRates().draw(names, 8, 1) == sorted(first, key=names.index)
    assert first != PassRates().draw(names, 8, 2)
    assert PassRates().draw(names, 50, 1) == names


@given(tasks=st.integers(1, 12), count=st.integers(1, 14), seed=st.integers(0, 5))
def test_every_task_comes_before_any_comes_again(tasks: int, count: int, seed: int) -> None:
    names = [f"t{n}" for n in range(tasks)]
    seen: Counter[str] = Counter()
    for turn in range(6):
        drawn = draw_in_turn(names, count, turn, seed)
        assert len(set(drawn)) == len(drawn) == min(count, tasks)
        seen.update(drawn)
        assert max(seen.values()) - min(seen[name] for name in names) <= 1


def test_rounds_differ_even_when_tasks_come_again() -> None:
    names = [f"t{n}" for n in range(10)]
    cycles = [[draw_in_turn(names, 5, turn, 0) for turn in (start, start + 1)] for start in (0, 2, 4)]
    assert len({tuple(cycle[0]) for cycle in cycles}) > 1
