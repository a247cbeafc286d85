"""Distribute the sequences of an optimiser step over processes, equal to the step of one process.

Micro batches go to the processes in turn. The last step of a pass may have fewer sequences: it is padded with `BLANK`
ones, which have no label, so that every process takes equally many micro batches and no sequence counts twice.

Not covered: streams, whose rows have no index (`train.batches.stream`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, Sampler

from burnish.scale.processes import process_count, process_rank

BLANK = -1
"""Index of a sequence without labels."""


class PassOrder(Sampler[int], ABC):
    """Indices in an order that is new in every pass, by seed and pass alone, so that a resumed run continues in
    place."""

    def __init__(self, sequences: int, *, seed: int) -> None:
        self._sequences = sequences
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return self._sequences

    def set_epoch(self, epoch: int) -> None:
        """Set the pass; the trainer calls it before each."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(self.order(self._epoch))

    @abstractmethod
    def order(self, epoch: int) -> list[int]:
        """Return the indices in the order of pass ``epoch``."""


class SharedBatches:
    """Yield the micro batches of one process, as a batch sampler for a data loader.

    Args:
        order: order of every pass, the same in every process.
        micro_batch: sequences of one micro batch in one process.
        processes: number of processes.
        rank: rank of this process.
    """

    def __init__(self, order: PassOrder, *, micro_batch: int, processes: int, rank: int) -> None:
        self._order = order
        self._begin = micro_batch * rank
        self._together = micro_batch * processes
        self.batch_size = micro_batch
        self.drop_last = False
        self.batch_sampler = self  # the trainer calls `set_epoch` on this attribute

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._together)

    def set_epoch(self, epoch: int) -> None:
        """Set the pass; the trainer calls it before each, also where it skips the first batches of one."""
        self._order.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[int]]:
        # Every process computes the same order and takes every `processes`-th micro batch, offset by its rank.
        # Padding with BLANK (no labels) gives all processes equally many batches, or a collective would hang; blank
        # sequences have no trained token, so they do not change the loss.
        order = list(self._order)
        order += [BLANK] * (len(self) * self._together - len(order))
        for start in range(self._begin, len(order), self._together):
            yield order[start : start + self.batch_size]


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
        micro_batch = self.args.per_device_train_batch_size
        batches: Any = SharedBatches(
            self.order, micro_batch=micro_batch, processes=process_count(), rank=process_rank()
        )
        return DataLoader(self.shared_dataset(), batch_sampler=batches, collate_fn=self.data_collator)

    def shared_dataset(self) -> Any:
        """Return the dataset that the shares index; it must know `BLANK`."""
        return self.train_dataset
