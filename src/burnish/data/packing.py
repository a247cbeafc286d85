"""Packs rows into blocks of one length, so that no token is trained on another row's context.

Best fit: a row goes where the least room is left after it. Positions restart with every row, which keeps attention
inside it (transformers reads the boundaries from the positions when no mask is given).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Documents that share one row, in tokens."""

    documents: tuple[tuple[int, ...], ...]


def pack_documents(documents: Iterable[list[int]], block_size: int) -> list[Block]:
    """Pack all documents; one that is longer than a block is cut into block-sized pieces, nothing is dropped."""
    pieces = [
        tuple(document[start : start + block_size])
        for document in documents
        for start in range(0, len(document), block_size)
    ]
    return [
        Block(tuple(pieces[index] for index in block))
        for block in pack_lengths([len(piece) for piece in pieces], block_size)
    ]


def pack_lengths(lengths: Sequence[int], block_size: int) -> list[tuple[int, ...]]:
    """Which rows share a block: indices into ``lengths``, the longest row of a block first.

    Args:
        lengths: of the rows, in tokens; none above ``block_size``.
        block_size: most tokens of a block.
    """
    blocks: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # (free tokens, block index), sorted
    for row in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        length = lengths[row]
        if length > block_size:
            raise ValueError(f"row {row} has {length} tokens, more than a block of {block_size}")
        at = bisect.bisect_left(rooms, (length, -1))
        if at < len(rooms):
            free, index = rooms.pop(at)
            blocks[index].append(row)
        else:
            free, index = block_size, len(blocks)
            blocks.append([row])
        if free > length:
            bisect.insort(rooms, (free - length, index))
    return [tuple(block) for block in blocks]
