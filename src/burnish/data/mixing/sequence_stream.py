"""Build training sequences from a mixture during training, resumable after any of them.

Rows are taken chunk by chunk; a chunk becomes tokens, is checked, and is packed on its own. The state names where the
mixture stood before a chunk and how many of its sequences were given, so the chunk alone is made again. When the
mixture ends it begins anew, with another seed: a new order where it shuffles.

Not covered: order by length, packing across chunks, filters that remember rows (`workflows.rows.stream` refuses them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from burnish.data.encode.encoded import EncodedExample
from burnish.data.encode.packing import Block, pack_documents, pack_lengths
from burnish.errors import DataError
from burnish.records import Example

CHUNK = 256
"""Rows of a chunk: more rows pack better, and cost more when a training is resumed."""
Sequence_ = TypeVar("Sequence_")
State = Mapping[str, Any]


class Resumable(Protocol):
    """Rows that know their position; `data.mixing.mixture.Mixture` is one."""

    def __iter__(self) -> Iterator[Example]: ...

    def state(self) -> dict[str, Any]: ...


OpenMixture = Callable[[int, Any], Resumable]
"""Opens the rows of a pass (from 0), after a state or from the beginning."""


class ChunkStream(Generic[Sequence_]):
    """Endless sequences over passes; see the module.

    Args:
        mixture: opens a pass.
        make: turns a chunk of rows into sequences; deterministic.
        chunk: rows of a chunk.

    Raises:
        DataError: while iterating, a pass without a sequence; and errors of ``make``.
    """

    def __init__(
        self, mixture: OpenMixture, make: Callable[[Sequence[Example]], Sequence[Sequence_]], chunk: int = CHUNK
    ) -> None:
        self._mixture = mixture
        self._make = make
        self._chunk = chunk

    def sequences(self, state: State | None) -> Iterator[tuple[Sequence_, State]]:
        """Yield sequences after ``state``, each with the state after it."""
        number, anchor, given = (0, None, 0) if state is None else (state["pass"], state["mixture"], state["given"])
        any_row = given > 0
        while True:
            mixture = self._mixture(number, anchor)
            rows = iter(mixture)
            while True:
                anchor = mixture.state()
                chunk = list(islice(rows, self._chunk))
                if not chunk:
                    break
                for place, sequence in enumerate(self._make(chunk), 1):
                    if place > given:
                        any_row = True
                        yield sequence, {"pass": number, "mixture": anchor, "given": place}
                given = 0
            if not any_row:
                raise DataError("the mixture has no training rows.", "Check data.sources and relax data.filters.")
            number, anchor, any_row = number + 1, None, False


class BlockStream(ChunkStream[Block]):
    """Packed blocks of documents; ``encode`` gives the token ids of each."""

    def __init__(
        self,
        mixture: OpenMixture,
        encode: Callable[[Sequence[Example]], list[list[int]]],
        block_size: int,
        chunk: int = CHUNK,
    ) -> None:
        super().__init__(mixture, lambda rows: pack_documents(encode(rows), block_size), chunk)


class RowStream(ChunkStream[tuple[EncodedExample, ...]]):
    """Rows that share a sequence, or one row each if ``pack`` is None; ``encode`` also checks them."""

    def __init__(
        self,
        mixture: OpenMixture,
        encode: Callable[[Sequence[Example]], list[EncodedExample]],
        pack: int | None,
        chunk: int = CHUNK,
    ) -> None:
        def make(examples: Sequence[Example]) -> list[tuple[EncodedExample, ...]]:
            rows = encode(examples)
            if pack is None:
                return [(row,) for row in rows]
            return [
                tuple(rows[index] for index in packed)
                for packed in pack_lengths([len(row.input_ids) for row in rows], pack)
            ]

        super().__init__(mixture, make, chunk)
