"""Pack rows into blocks of equal length; no token sees another row.

Best fit: a row goes into the block with the least remaining room. Positions restart with every row, which keeps
attention inside it (transformers reads the boundaries from the positions when no mask is given).
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, overload


@dataclass(frozen=True)
class Block:
    """Documents that share one row, in tokens."""

    documents: tuple[tuple[int, ...], ...]


def pack_documents(documents: Iterable[list[int]], block_size: int) -> list[Block]:
    """Pack all documents; split those longer than a block and drop nothing."""
    pieces = [
        tuple(document[start : start + block_size])
        for document in documents
        for start in range(0, len(document), block_size)
    ]
    return [
        Block(tuple(pieces[index] for index in block))
        for block in pack_lengths([len(piece) for piece in pieces], block_size)
    ]


class Documents(Protocol):
    """Documents as token ids, read on demand, such as `data.pretraining.token_bins.TokenBins`."""

    def lengths(self) -> list[int]: ...

    def part(self, index: int, begin: int, end: int) -> list[int]: ...


class PackedOnDisk(Sequence[Block]):
    """The blocks of `pack_documents` for documents on disk; only indices are in memory."""

    def __init__(self, documents: Documents, block_size: int, *, without: Collection[int] = ()) -> None:
        """``without`` are the indices of documents to leave out."""
        self._documents = documents
        left_out = set(without)
        self._pieces = [
            (index, start, min(start + block_size, length))
            for index, length in enumerate(documents.lengths())
            for start in range(0, length, block_size)
            if index not in left_out
        ]
        self._blocks = pack_lengths([end - start for _, start, end in self._pieces], block_size)

    def __len__(self) -> int:
        return len(self._blocks)

    @overload
    def __getitem__(self, index: int) -> Block: ...

    @overload
    def __getitem__(self, index: slice) -> list[Block]: ...

    def __getitem__(self, index: int | slice) -> Block | list[Block]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return Block(tuple(tuple(self._documents.part(*self._pieces[piece])) for piece in self._blocks[index]))


def pack_lengths(lengths: Sequence[int], block_size: int) -> list[tuple[int, ...]]:
    """Choose the rows of each block: indices into ``lengths``, longest row first.

    Args:
        lengths: of the rows, in tokens; none above ``block_size``.
        block_size: most tokens of a block.
    """
    # Best-fit decreasing. `rooms` is sorted by free tokens, so bisection finds the tightest block that fits.
    blocks: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # (free tokens, block index), sorted
    for row in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        length = lengths[row]
        if length > block_size:
            raise ValueError(f"row {row} has {length} tokens, more than a block of {block_size}")
        # (length, -1) sorts before every real (length, index): the first entry with free >= length.
        at = bisect.bisect_left(rooms, (length, -1))
        if at < len(rooms):
            free, index = rooms.pop(at)
            blocks[index].append(row)
        else:
            free, index = block_size, len(blocks)
            blocks.append([row])
        # Full blocks leave the list, which keeps it short.
        if free > length:
            bisect.insort(rooms, (free - length, index))
    return [tuple(block) for block in blocks]
