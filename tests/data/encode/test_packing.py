"""Packing loses nothing and mixes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.data.encode.packing import pack_documents, pack_lengths

documents = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=40), max_size=40)


@given(documents, st.integers(1, 32))
def test_every_token_is_kept_once_and_no_block_is_too_long(docs: list[list[int]], block_size: int) -> None:
    blocks = pack_documents(docs, block_size)
    assert all(sum(len(piece) for piece in block.documents) <= block_size for block in blocks)
    packed = sorted(piece for block in blocks for piece in block.documents)
    pieces = sorted(tuple(d[i : i + block_size]) for d in docs for i in range(0, len(d), block_size))
    assert packed == pieces


def test_best_fit_packs_the_tightest_block_first() -> None:
    blocks = pack_documents([[1] * 6, [2] * 7, [3] * 3, [4] * 4], 10)
    assert sorted(sorted(len(piece) for piece in block.documents) for block in blocks) == [[3, 7], [4, 6]]


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(30, 64))
def test_every_row_is_in_one_block_that_holds_it(lengths: list[int], block_size: int) -> None:
    blocks = pack_lengths(lengths, block_size)
    assert sorted(row for block in blocks for row in block) == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in block) <= block_size for block in blocks)


def test_a_row_longer_than_a_block_is_not_dropped_silently() -> None:
    with pytest.raises(ValueError, match="row 1 has 9 tokens"):
        pack_lengths([3, 9], 8)
