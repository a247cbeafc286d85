"""Training rows as the trainer takes them: padded batches, and an order that puts rows of like length together.

Not covered: packing several rows into one sequence.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch.utils.data import Dataset, Sampler

IGNORED = -100
GROUPED_BATCHES = 50
"""Batches that are drawn together and then sorted by length; more saves padding and makes the order less random."""


class EncodedRow(Protocol):
    """What training needs of a row; `data.chat.EncodedExample` is one."""

    @property
    def id(self) -> str:
        """Names the row in messages."""
        ...

    @property
    def input_ids(self) -> list[int]: ...

    @property
    def labels(self) -> list[int]:
        """As long as ``input_ids``; `IGNORED` where nothing is trained."""
        ...

    @property
    def weight(self) -> float:
        """Weight of the row's tokens in the loss."""
        ...


class RowDataset(Dataset[tuple[int, EncodedRow]]):
    """Rows with their index."""

    def __init__(self, rows: Sequence[EncodedRow]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[int, EncodedRow]:
        return index, self._rows[index]


def collate_rows(rows: Sequence[tuple[int, EncodedRow]], *, padding: int, mean_weight: float) -> dict[str, Any]:
    """Right-padded batch of B rows and T tokens.

    ``input_ids``, ``attention_mask``, ``labels`` are (B, T); ``weights`` (B,) are divided by ``mean_weight``;
    ``rows`` (B,) are the rows' indices.
    """
    shape = (len(rows), max(len(row.input_ids) for _, row in rows))
    ids_BT = torch.full(shape, padding)
    mask_BT = torch.zeros(shape, dtype=torch.long)
    labels_BT = torch.full(shape, IGNORED)
    for position, (_, row) in enumerate(rows):
        length = len(row.input_ids)
        ids_BT[position, :length] = torch.tensor(row.input_ids)
        mask_BT[position, :length] = 1
        labels_BT[position, :length] = torch.tensor(row.labels)
    return {
        "input_ids": ids_BT,
        "attention_mask": mask_BT,
        "labels": labels_BT,
        "weights": torch.tensor([row.weight / mean_weight for _, row in rows]),
        "rows": torch.tensor([index for index, _ in rows]),
    }


def trained_tokens(row: EncodedRow) -> int:
    """Tokens of a row that are in the loss; the first token of a sequence is never predicted."""
    return sum(label != IGNORED for label in row.labels[1:])


def mean_token_weight(rows: Sequence[EncodedRow]) -> float:
    """Mean weight over all trained tokens: dividing by it keeps the loss on the scale of an unweighted one."""
    tokens = [trained_tokens(row) for row in rows]
    return sum(row.weight * count for row, count in zip(rows, tokens, strict=True)) / sum(tokens)


class LengthGroupedSampler(Sampler[int]):
    """A new order of the rows every epoch, a function of seed and epoch alone, so that a resumed run finds its place.

    Rows are shuffled, drawn in groups of `GROUPED_BATCHES` batches, sorted by length within a group and cut into
    batches, and the batches are shuffled. The last, smaller batch stays last.
    """

    def __init__(self, lengths: Sequence[int], *, batch: int, seed: int) -> None:
        self._lengths = lengths
        self._batch = batch
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(self.order(self._epoch))

    def order(self, epoch: int) -> list[int]:
        """Row indices in the order of ``epoch``."""
        shuffler = random.Random(f"{self._seed}/{epoch}")
        indices = list(range(len(self._lengths)))
        shuffler.shuffle(indices)
        whole = len(indices) // self._batch * self._batch
        batches: list[list[int]] = []
        for first in range(0, whole, GROUPED_BATCHES * self._batch):
            group = indices[first : min(first + GROUPED_BATCHES * self._batch, whole)]
            by_length = sorted(group, key=lambda index: self._lengths[index])
            batches += [by_length[start : start + self._batch] for start in range(0, len(by_length), self._batch)]
        shuffler.shuffle(batches)
        return [index for batch in batches for index in batch] + indices[whole:]

    def first_batches(self, count: int) -> Iterator[list[int]]:
        """Row indices of the first ``count`` batches over as many epochs as that takes."""
        taken = 0
        for epoch in itertools.count():
            order = self.order(epoch)
            for start in range(0, len(order), self._batch):
                if taken == count:
                    return
                taken += 1
                yield order[start : start + self._batch]
