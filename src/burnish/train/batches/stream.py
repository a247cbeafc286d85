"""Train on a stream whose position is part of every checkpoint, so that a resumed training sees the same sequences.

Each batch carries the stream's state after it, and a checkpoint stores the state of the last trained batch, not of
batches read ahead. Nothing here draws random numbers.

Not covered: the content of the stream (the workflow composes it), seeking without reading.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch.utils.data import IterableDataset
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from burnish.fsio import read_object, write_json
from burnish.records.layout import STREAM
from burnish.scale.processes import is_first, process_count, process_rank
from burnish.train.checkpoints.complete import CompleteCheckpoints, latest_complete

STATE = "stream_state"

Item_co = TypeVar("Item_co", covariant=True)
State = Mapping[str, Any]


class ResumableStream(Protocol[Item_co]):
    """Endless sequences; the same ones after the same state."""

    def sequences(self, state: State | None) -> Iterator[tuple[Item_co, State]]:
        """Yield sequences after ``state`` (None: from the beginning), each with the JSON state after it."""
        ...


class _Endless(IterableDataset[Any]):
    """Dataset of unknown length for the trainer."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class StreamBatches:
    """Yield the micro batches of one process, each with the state after those of all processes.

    Args:
        stream: source of the sequences.
        state: where to continue.
        micro_batch: sequences of one micro batch in one process.
        collate: builds a batch.
    """

    def __init__(
        self, stream: ResumableStream[Any], state: State | None, micro_batch: int, collate: Callable[[Any], Any]
    ) -> None:
        self._stream = stream
        self._state = state
        self.batch_size = micro_batch
        self._collate = collate

    def __iter__(self) -> Iterator[dict[str, Any]]:
        sequences = self._stream.sequences(self._state)
        begin = process_rank() * self.batch_size
        while together := list(islice(sequences, self.batch_size * process_count())):
            batch = self._collate([sequence for sequence, _ in together[begin : begin + self.batch_size]])
            yield {**batch, STATE: json.dumps(together[-1][1])}


class StreamPlace(TrainerCallback):
    """Store the stream's state in every checkpoint, before it is marked complete."""

    def __init__(self) -> None:
        self.state: str | None = None

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the state."""
        if self.state is not None and is_first():
            checkpoint = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
            write_json(checkpoint / STREAM, json.loads(self.state))


class StreamFed:
    """Mixin of a trainer, first among the bases: read a stream, and store its state in checkpoints.

    The trainer's arguments must have ``ignore_data_skip``.
    """

    def __init__(self, *, stream: ResumableStream[Any], checkpoints: Path, **trainer: Any) -> None:
        self.place = StreamPlace()
        self.stream = stream
        self.checkpoints = checkpoints
        callbacks = [self.place, CompleteCheckpoints()]
        super().__init__(train_dataset=_Endless(), callbacks=callbacks, **trainer)  # type: ignore[call-arg]

    def get_train_dataloader(self) -> Any:
        """Continue from the newest complete checkpoint."""
        latest = latest_complete(self.checkpoints)
        before = f"Remove the checkpoint {latest}: training continues from the one before."
        state = None if latest is None else read_object(Path(latest) / STREAM, before)
        this: Any = self
        return StreamBatches(self.stream, state, this.args.per_device_train_batch_size, this.data_collator)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Note the state, then run the trainer's own step."""
        self.place.state = inputs.pop(STATE)
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]
        return loss
