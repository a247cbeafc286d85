"""Provide training rows to the trainer: sequences of one or several rows, padded batches, and a length-grouped order.

Not covered: which rows share a sequence (the caller decides), proof that they do not see each other
(`train.batches.packing_proof`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.utils.data import Dataset

from burnish.train.batches.sharing import BLANK, PassOrder

IGNORED = -100
GROUPED_BATCHES = 50
"""Batches per group sorted by length; more saves padding and makes the order less random."""


class EncodedRow(Protocol):
    """Training row, such as `data.encode.chat.EncodedExample`."""

    @property
    def id(self) -> str:
        """Return the name of the row in messages."""
        ...

    @property
    def input_ids(self) -> list[int]: ...

    @property
    def labels(self) -> list[int]:
        """Return labels, as long as ``input_ids``; `IGNORED` where nothing is trained."""
        ...

    @property
    def weight(self) -> float:
        """Return the weight of the row's tokens in the loss."""
        ...


@dataclass(frozen=True)
class DocumentRow:
    """Document, or a piece of one, every token of which is predicted from those before it."""

    id: str
    input_ids: list[int]
    weight: float = 1.0

    @property
    def labels(self) -> list[int]:
        return self.input_ids


RowGroup = tuple[tuple[int, EncodedRow], ...]
"""Rows that share one sequence, each with its index."""


class SequenceDataset(Dataset[RowGroup]):
    """Sequences by index: one row each, or the rows grouped by ``packs``; `BLANK` is one without rows."""

    def __init__(self, rows: Sequence[EncodedRow], packs: Sequence[Sequence[int]] | None = None) -> None:
        self._rows = rows
        self.packs: Sequence[Sequence[int]] = [(index,) for index in range(len(rows))] if packs is None else packs

    def __len__(self) -> int:
        return len(self.packs)

    def __getitem__(self, index: int) -> RowGroup:
        return () if index == BLANK else tuple((row, self._rows[row]) for row in self.packs[index])

    def lengths(self) -> list[int]:
        """Return the tokens of each sequence."""
        return [sum(len(self._rows[row].input_ids) for row in pack) for pack in self.packs]


def collate(sequences: Sequence[RowGroup], *, padding: int, mean_weight: float, packed: bool) -> dict[str, Any]:
    """Build a right-padded batch of B sequences and T tokens.

    ``input_ids``, ``labels`` and ``weights`` are (B, T), weights divided by ``mean_weight``; ``rows`` are the indices
    of the rows. Single rows get an ``attention_mask`` (B, T). Packed rows get ``position_ids`` (B, T) that restart
    with every row, and no mask: only without one does transformers separate rows by their positions. Padding then
    counts as one more row, which nothing attends to and no label covers. The first token of a row is never predicted. A
    sequence without rows is padding that attends to itself.
    """
    shape = (len(sequences), max(2, *(sum(len(row.input_ids) for _, row in sequence) for sequence in sequences)))
    ids_BT = torch.full(shape, padding)
    labels_BT = torch.full(shape, IGNORED)
    weights_BT = torch.zeros(shape)
    places_BT = torch.zeros(shape, dtype=torch.long)
    for position, sequence in enumerate(sequences):
        start = 0
        for _, row in sequence:
            end = start + len(row.input_ids)
            ids_BT[position, start:end] = torch.tensor(row.input_ids)
            labels_BT[position, start + 1 : end] = torch.tensor(row.labels[1:], dtype=torch.long)
            weights_BT[position, start:end] = row.weight / mean_weight
            places_BT[position, start:end] = torch.arange(end - start) if packed else 1
            start = end
        if not sequence:
            places_BT[position] = 1  # a softmax over no key is nan
        if packed:
            places_BT[position, start:] = torch.arange(shape[1] - start)
    return {
        "input_ids": ids_BT,
        "position_ids" if packed else "attention_mask": places_BT,
        "labels": labels_BT,
        "weights": weights_BT,
        "rows": torch.tensor([index for sequence in sequences for index, _ in sequence], dtype=torch.long),
    }


def trained_tokens(row: EncodedRow) -> int:
    """Count the tokens of a row in the loss; the first token of a sequence is never predicted."""
    return sum(label != IGNORED for label in row.labels[1:])


def mean_token_weight(rows: Sequence[EncodedRow]) -> float:
    """Return the mean weight over all trained tokens; dividing by it keeps the scale of an unweighted loss."""
    tokens = [trained_tokens(row) for row in rows]
    return sum(row.weight * count for row, count in zip(rows, tokens, strict=True)) / sum(tokens)


class LengthGroupedSampler(PassOrder):
    """Order the rows by groups of similar length.

    Rows are shuffled, drawn in groups of `GROUPED_BATCHES` batches, sorted by length within a group and cut into
    batches, and the batches are shuffled. The last, smaller batch stays last.
    """

    def __init__(self, lengths: Sequence[int], *, batch: int, seed: int) -> None:
        super().__init__(len(lengths), seed=seed)
        self._lengths = lengths
        self._batch = batch

    def order(self, epoch: int) -> list[int]:
        """Return row indices in the order of ``epoch``."""
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
        """Return row indices of the first ``count`` batches, over several epochs if necessary."""
        taken = 0
        for epoch in itertools.count():
            order = self.order(epoch)
            for start in range(0, len(order), self._batch):
                if taken == count:
                    return
                taken += 1
                yield order[start : start + self._batch]
