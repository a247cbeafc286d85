"""Draws: each pass has every task once, seen ones come back by their pass rate, and a state goes on as it was."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from burnish.train.grpo.prompt_pool import FLOOR, PromptPool


def test_without_revisits_every_pass_has_every_task_once() -> None:
    pool = PromptPool(12, seed=1, revisit_share=0)
    passes = [[task for _ in range(3) for task in pool.draw(4)] for _ in range(2)]
    assert all(sorted(one) == list(range(12)) for one in passes)
    assert passes[0] != passes[1]
    other = PromptPool(12, seed=2, revisit_share=0)
    assert [task for _ in range(3) for task in other.draw(4)] != passes[0]


def test_mixed_tasks_come_back_and_the_others_now_and_then() -> None:
    pool = PromptPool(1000, seed=0, revisit_share=0.5)
    for task, rate in ((0, 1.0), (1, 0.0), (2, 0.5), (3, 0.9)):
        pool.note(task, rate)
    assert [pool.weight(task) for task in range(4)] == pytest.approx([FLOOR, FLOOR, 1.0, 0.36])
    drawn = Counter(task for _ in range(400) for task in pool.draw(2) if task < 4)
    assert drawn[2] > 1.5 * drawn[3] > drawn[0] > 0
    assert drawn[1] > 0


def test_rates_from_elsewhere_count_as_seen() -> None:
    pool = PromptPool(100, seed=0, revisit_share=1, rates={7: 0.5, 8: 0.5, 9: 1.0})
    assert pool.seen == 3
    drawn = [task for _ in range(50) for task in pool.draw(1)]
    assert set(drawn) <= {7, 8, 9}
    assert drawn.count(9) < min(drawn.count(7), drawn.count(8))


def test_a_rate_follows_what_happens_last() -> None:
    pool = PromptPool(4, seed=0, revisit_share=0.5)
    pool.note(0, 0.0)
    assert pool.weight(0) == FLOOR
    pool.note(0, 1.0)
    assert pool.weight(0) == 1.0, "half of it is remembered"


def test_a_draw_has_distinct_tasks_and_no_excluded_one() -> None:
    pool = PromptPool(8, seed=0, revisit_share=0.5)
    for task in range(8):
        pool.note(task, 0.5)
    for _ in range(20):
        drawn = pool.draw(5, leave_out={1, 2})
        assert len(set(drawn)) == 5
        assert not {1, 2} & set(drawn)


def test_a_restored_pool_continues_as_before() -> None:
    one, other = (PromptPool(20, seed=4, revisit_share=0.5) for _ in range(2))
    for step in range(9):
        for task in one.draw(6):
            one.note(task, (task + step) % 3 / 2)
    other.restore(json.loads(json.dumps(one.state())))
    assert [one.draw(6) for _ in range(5)] == [other.draw(6) for _ in range(5)]
