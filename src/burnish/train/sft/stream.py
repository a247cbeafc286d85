"""Fine-tune on streamed rows, resumable bit for bit on a CPU.

Loss, checkpoints and records are those of `train.sft.run`. Sequences keep the stream's order, and weights
are not divided by their mean, which is unknown before the end.

Not covered: the choice of rows and their gates (the workflow's stream).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from burnish.config.stages.kinds.sft import SftStage
from burnish.model.base import LoadedModel
from burnish.scale.processes import gather_values
from burnish.train.batches.packing_proof import prove_packing
from burnish.train.batches.rows import EncodedRow, LengthGroupedSampler, SequenceDataset, collate, trained_tokens
from burnish.train.batches.stream import ResumableStream, StreamFed
from burnish.train.job import TrainingJob, TrainingResult, open_checkpoints, train_adapter, trainer_parts
from burnish.train.sft.run import sft_settings
from burnish.train.sft.trainer import SftTrainer
from burnish.train.weights.kernels import Deterministic

PROVEN = 16
"""Sequences at the head of the stream that the packing proof covers."""
RowsTogether = Sequence[EncodedRow]


def run_streaming_sft(
    job: TrainingJob[SftStage], stream: ResumableStream[RowsTogether], identity: str
) -> TrainingResult:
    """Train ``stage.max_steps`` on the rows of a stream.

    Args:
        job: the training; ``stage.max_steps`` is set.
        stream: rows that share a sequence, one each without packing.
        identity: digest of what decides the stream; checkpoints of another are removed with a message.

    Raises:
        What `run_sft` raises, and what the stream does.
    """
    (folder, steps, tokens), seconds = job.fitting(lambda fitting: _train(fitting, stream, identity))
    return TrainingResult(folder, steps, seconds, tokens)


def _train(job: TrainingJob[SftStage], stream: ResumableStream[RowsTogether], identity: str) -> tuple[Path, int, int]:
    """Train to the end; return the folder of the result, its steps, and labelled tokens of this attempt."""
    stage, settings = job.stage, sft_settings(job, 0)
    loaded = job.load()
    if stage.packing:
        _prove(loaded, stream)
    origin = open_checkpoints(job, loaded, identity)
    recent = RecentRows(4096)

    def collator(sequences: Sequence[RowsTogether]) -> dict[str, Any]:
        numbered = [tuple((recent.add(row), row) for row in sequence) for sequence in sequences]
        padding = loaded.tokenizer.pad_token_id or 0
        return collate(numbered, padding=padding, mean_weight=1.0, packed=stage.packing)

    trainer: Any = StreamingSftTrainer(
        **trainer_parts(job, loaded, settings | {"ignore_data_skip": True}, rows=0),
        stream=stream,
        checkpoints=job.checkpoints,
        rows=recent,
        order=LengthGroupedSampler((), batch=stage.effective_batch, seed=job.seed),
        tokenizer=loaded.tokenizer,
        bad_batch=job.bad_batch,
        data_collator=collator,
    )
    trainer.add_callback(Deterministic(stage.kernels))
    folder, steps = train_adapter(job, trainer, loaded, origin)
    return folder, steps, sum(gather_values(recent.trained))


class RecentRows(dict[int, EncodedRow]):
    """Rows of the last batches by a running number, for a message about a bad batch."""

    def __init__(self, kept: int) -> None:
        super().__init__()
        self._kept = kept
        self._next = 0
        self.trained = 0
        """Labelled tokens of all rows so far, in this attempt and process."""

    def add(self, row: EncodedRow) -> int:
        """Keep a row and drop the oldest; return its number."""
        number, self._next = self._next, self._next + 1
        self[number] = row
        self.pop(number - self._kept, None)
        self.trained += trained_tokens(row)
        return number


class StreamingSftTrainer(StreamFed, SftTrainer):
    """Trainer of fine-tuning on a stream."""


def _prove(loaded: LoadedModel, stream: ResumableStream[RowsTogether]) -> None:
    """Prove the packing of the stream's first sequences; GateError as `prove_packing`."""
    head = [sequence for sequence, _ in islice(stream.sequences(None), PROVEN)]
    rows = [row for sequence in head for row in sequence]
    numbers = iter(range(len(rows)))
    packs = [tuple(next(numbers) for _ in sequence) for sequence in head]
    prove_packing(loaded.model, SequenceDataset(rows, packs), padding=loaded.tokenizer.pad_token_id or 0)
