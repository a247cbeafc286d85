"""A stream goes on after any of its sequences as if it had never stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.config.data.mixture import MixtureConfig
from burnish.data.encode.encoded import EncodedExample
from burnish.data.mixing.mixture import Mixture
from burnish.data.mixing.sequence_stream import BlockStream, RowStream
from burnish.errors import DataError
from burnish.records import Example


class Source:
    def __init__(self, name: str, count: int) -> None:
        self.examples = [Example(id=f"{name}{n}", text="x" * (n % 4 + 1)) for n in range(count)]

    def rows(self, start: int) -> Iterator[tuple[int, Example]]:
        yield from enumerate(self.examples[start:], start + 1)


def encode(examples: Sequence[Example]) -> list[EncodedExample]:
    return [
        EncodedExample(example.id, ids := [len(example.text or "")] * len(example.text or ""), ids)
        for example in examples
    ]


def stream(counts: tuple[int, int], shuffle: str, pack: int | None, chunk: int) -> RowStream:
    config = MixtureConfig.model_validate({"mode": "round_robin", "shuffle": shuffle, "window": 4})
    sources = {"a": Source("a", counts[0]), "b": Source("b", counts[1])}
    return RowStream(lambda number, state: Mixture(sources, config, 7 + number, state), encode, pack, chunk)


@settings(max_examples=60, deadline=None)
@given(
    counts=st.tuples(st.integers(1, 7), st.integers(0, 7)),
    shuffle=st.sampled_from(["none", "window"]),
    pack=st.sampled_from([None, 6]),
    chunk=st.integers(1, 5),
    stop=st.integers(1, 40),
)
def test_a_stream_continues_after_any_sequence(
    counts: tuple[int, int], shuffle: str, pack: int | None, chunk: int, stop: int
) -> None:
    whole = [[row.id for row in one] for one, _ in islice(stream(counts, shuffle, pack, chunk).sequences(None), 60)]
    head = list(islice(stream(counts, shuffle, pack, chunk).sequences(None), stop))
    state: Any = json.loads(json.dumps(head[-1][1]))
    rest = islice(stream(counts, shuffle, pack, chunk).sequences(state), 60 - stop)
    assert [[row.id for row in one] for one, _ in [*head, *rest]] == whole


def test_every_pass_has_every_row_once_and_another_order() -> None:
    rows = [one[0].id for one, _ in islice(stream((6, 6), "window", None, 5).sequences(None), 24)]
    assert sorted(rows[:12]) == sorted(rows[12:]) == sorted(f"{name}{n}" for name in "ab" for n in range(6))
    assert rows[:12] != rows[12:]


def test_blocks_hold_whole_documents() -> None:
    sources = {"a": Source("a", 6)}
    blocks = BlockStream(
        lambda number, state: Mixture(sources, MixtureConfig(), number, state),
        lambda examples: [row.input_ids for row in encode(examples)],
        block_size=4,
        chunk=3,
    )
    first = [block.documents for block, _ in islice(blocks.sequences(None), 4)]
    assert first == [((3, 3, 3), (1,)), ((2, 2),), ((4, 4, 4, 4),), ((2, 2), (1,))]


def test_a_mixture_without_rows_ends() -> None:
    with pytest.raises(DataError, match="has no training rows"):
        next(stream((0, 0), "none", None, 3).sequences(None))
