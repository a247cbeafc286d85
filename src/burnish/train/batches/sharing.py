"""Distribute the sequences of an optimiser step over processes, equal to the step of one process.

Micro batches go to the processes in turn. The last step of a pass may have fewer sequences: it is padded with `BLANK`
ones, which have no label, so that every process takes equally many micro batches and no sequence counts twice.

Not covered: streams, whose rows have no index (`train.batches.stream`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from torch.utils.data import DataLoader

from burnish.scale.processes import process_count, process_rank

BLANK = -1
"""Index of a sequence without labels."""


class EpochOrder(Protocol):
    """Indices in the order of a pass, such as `train.batches.rows.LengthGroupedSampler`."""

    def order(self, epoch: int) -> Sequence[int]: ...


class SharedBatches:
    """Yield the micro batches of one process, as a batch sampler for a data loader.

    Args:
        order: order of every pass, the same in every process.
        sequences: number of sequences in a pass.
        micro_batch: sequences of one micro batch in one process.
        processes: number of processes.
        rank: rank of this process.
    """

    def __init__(self, order: EpochOrder, *, sequences: int, micro_batch: int, processes: int, rank: int) -> None:
        self._order = order
        self._sequences = sequences
        self._micro_batch = micro_batch
        self._processes = processes
        self._rank = rank
        self._epoch = 0
        self.batch_size = micro_batch
        self.drop_last = False
        self.batch_sampler = self  # the trainer calls `set_epoch` on this attribute

    def __len__(self) -> int:
        return math.ceil(self._sequences / (self._micro_batch * self._processes))

    def set_epoch(self, epoch: int) -> None:
        """Set the pass; the trainer calls it before each."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        # Every process computes the same order and takes every `processes`-th micro batch, offset by its rank.
        # Padding with BLANK (no labels) gives all processes equally many batches, or a collective would hang; blank
        # sequences have no trained token, so they do not change the loss.
        order = list(self._order.order(self._epoch))
        order += [BLANK] * (len(self) * self._micro_batch * self._processes - len(order))
        stride = self._micro_batch * self._processes
        for start in range(self._rank * self._micro_batch, len(order), stride):
            yield order[start : start + self._micro_batch]


class SharesRows:
    """Mixin of a trainer: use our row order, and this process's share of it."""

    order: Any
    args: Any
    train_dataset: Any
    data_collator: Any

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.order

    def get_train_dataloader(self) -> Any:
        """Return a loader of this process's share."""
        if process_count() == 1:
            return super().get_train_dataloader()  # type: ignore[misc]
        dataset = self.shared_dataset()
        batches: Any = SharedBatches(
            self.order,
            sequences=len(dataset),
            micro_batch=self.args.per_device_train_batch_size,
            processes=process_count(),
            rank=process_rank(),
        )
        return DataLoader(dataset, batch_sampler=batches, collate_fn=self.data_collator)

    def shared_dataset(self) -> Any:
        """Return the dataset that the shares index; it must know `BLANK`."""
        return self.train_dataset
