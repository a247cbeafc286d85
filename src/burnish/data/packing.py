"""Packs whole documents into blocks of one length, so that no token is trained on another document's context.

Best fit: a document goes where the least room is left after it. Positions restart with every document, which
keeps attention inside it (transformers reads the boundaries from the positions when no mask is given).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
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
    blocks: list[list[tuple[int, ...]]] = []
    rooms: list[tuple[int, int]] = []  # (free tokens, block index), sorted
    for piece in sorted(pieces, key=len, reverse=True):
        at = bisect.bisect_left(rooms, (len(piece), -1))
        if at < len(rooms):
            free, index = rooms.pop(at)
            blocks[index].append(piece)
        else:
            free, index = block_size, len(blocks)
            blocks.append([piece])
        bisect.insort(rooms, (free - len(piece), index))
    return [Block(tuple(block)) for block in blocks]
