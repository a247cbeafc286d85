"""Runs of tokens: the same numbers always, different runs different numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from burnish.data.overlap.shingles import shingles

TOKENS = st.lists(st.sampled_from(["a", "b", "c", "(", ")"]), max_size=40)


@given(TOKENS, st.integers(1, 6))
def test_one_number_for_each_different_run(tokens: list[str], size: int) -> None:
    runs = {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)}
    found = shingles(tokens, size)
    assert found.size == len(runs)
    assert np.array_equal(found, np.unique(found))


@given(TOKENS, TOKENS)
def test_shared_runs_are_shared_numbers(a: list[str], b: list[str]) -> None:
    runs = [{tuple(t[i : i + 3]) for i in range(len(t) - 2)} for t in (a, b)]
    assert np.intersect1d(shingles(a, 3), shingles(b, 3)).size == len(runs[0] & runs[1])


def test_numbers_do_not_depend_on_the_process() -> None:
    assert shingles(["fn", "name"], 2).tolist() == [4825422491344931369]


def test_salted_runs_never_meet() -> None:
    tokens = [str(i) for i in range(500)]
    assert np.intersect1d(shingles(tokens, 3, salt=1), shingles(tokens, 3, salt=2)).size == 0


def test_only_telling_runs_count() -> None:
    tokens = [str(i) for i in range(6)]
    assert shingles(tokens, 3, telling=[False] * 6).size == 0
    found = shingles(tokens, 3, telling=[True, False, False, False, True, False])
    assert np.array_equal(found, np.union1d(shingles(tokens[:3], 3), shingles(tokens[2:], 3)))
