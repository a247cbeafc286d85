"""Supervised fine-tuning on rows that come as a stream, resumable bit for bit on a CPU.

Loss, checkpoints and records are those of `train.sft.run`. Sequences come in the stream's order, weights as they
are: their
mean is not known before the end. A micro batch that is too large for the accelerator ends the training.

Not covered: which rows come, and their gates (the workflow's stream).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from burnish.config.launch import ALONE, LaunchConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.recipe import SftStage
from burnish.model.base import LoadedModel, load_model
from burnish.records.layout import BAD_BATCH
from burnish.scale.processes import process_count, said_by_all
from burnish.train.arguments import common_arguments
from burnish.train.batches.packing_proof import prove_packing
from burnish.train.batches.rows import EncodedRow, LengthGroupedSampler, SequenceDataset, collate, trained_tokens
from burnish.train.batches.stream import ResumableStream, StreamFed
from burnish.train.checkpoints.provenance import made_with, origin_of, start_digest
from burnish.train.checkpoints.save_result import save_result, train_to_end
from burnish.train.checkpoints.stale import drop_foreign_checkpoints
from burnish.train.sft.run import SftResult, trainer_parts
from burnish.train.sft.trainer import SftTrainer
from burnish.train.watch.training_log import watch_training
from burnish.train.weights.kernels import Deterministic

PROVEN = 16
"""Sequences at the head of the stream whose packing is proven."""
RowsTogether = Sequence[EncodedRow]


def run_streaming_sft(
    *,
    base: Path,
    model: ModelConfig,
    stage: SftStage,
    stream: ResumableStream[RowsTogether],
    identity: str,
    out: Path,
    seed: int,
    log: Callable[[int, Mapping[str, float]], None],
    callbacks: Sequence[TrainerCallback] = (),
    start: Path | None = None,
    launch: LaunchConfig = ALONE,
) -> SftResult:
    """Train ``stage.max_steps``, or go on from the last complete checkpoint; leaves what `train.sft.run.run_sft`
    leaves.

    Args:
        base: folder of the base model.
        model: dtype and device.
        stage: settings; ``max_steps`` is set.
        stream: rows that share a sequence, one each without packing.
        identity: digest of what decides the stream; checkpoints of another are removed with a message.
        out: folder of the stage.
        seed: of adapter initialisation and dropout.
        log: called every ``stage.log_every`` steps.
        callbacks: further ones of the trainer.
        start: adapter folder whose weights are trained on; None begins with fresh ones.
        launch: what each of several processes keeps.

    Raises:
        What `run_sft` raises, and what the stream does.
    """
    started = time.monotonic()
    settings = common_arguments(stage, rows=0, out=out / "checkpoints", seed=seed, processes=process_count())
    if stage.packing:
        settings["include_num_input_tokens_seen"] = "all"  # packed rows have no attention mask to count by
    loaded = load_model(base, model)
    if stage.packing:
        _prove(loaded, stream)
    origin = origin_of(base, model, loaded, identity)
    beginning = {"start": start_digest(start)}
    drop_foreign_checkpoints(out / "checkpoints", made_with(origin, model, loaded, stage, seed) | beginning)
    trainer = _make_trainer(
        loaded, stage, stream, settings | {"ignore_data_skip": True}, seed=seed, out=out, start=start, launch=launch
    )
    watch_training(trainer, name=stage.name, steps=trainer.args.max_steps, log=log, callbacks=callbacks)
    train_to_end(trainer, out / "checkpoints", stage.name)
    trained, steps = save_result(trainer, loaded, stage, origin, base=base, out=out, callbacks=callbacks)
    return SftResult(trained, steps, sum(said_by_all(trainer.rows.trained)), time.monotonic() - started)


class RecentRows(Mapping[int, EncodedRow]):
    """The rows of the last batches by a running number: what a message about a bad batch may have to show."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._rows: dict[int, EncodedRow] = {}
        self._next = 0
        self.trained = 0
        """Labelled tokens of all rows so far, of this attempt and this process."""

    def add(self, row: EncodedRow) -> int:
        """Keep a row and forget the oldest; returns its number."""
        number, self._next = self._next, self._next + 1
        self._rows[number] = row
        self._rows.pop(number - self._kept, None)
        self.trained += trained_tokens(row)
        return number

    def __getitem__(self, number: int) -> EncodedRow:
        return self._rows[number]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)


class StreamingSftTrainer(StreamFed, SftTrainer):
    """The trainer of fine-tuning, fed by a stream."""


def _make_trainer(
    loaded: LoadedModel,
    stage: SftStage,
    stream: ResumableStream[RowsTogether],
    settings: dict[str, Any],
    *,
    seed: int,
    out: Path,
    start: Path | None,
    launch: LaunchConfig,
) -> Any:
    recent = RecentRows(4096)

    def collator(sequences: Sequence[RowsTogether]) -> dict[str, Any]:
        numbered = [tuple((recent.add(row), row) for row in sequence) for sequence in sequences]
        padding = loaded.tokenizer.pad_token_id or 0
        return collate(numbered, padding=padding, mean_weight=1.0, packed=stage.packing)

    trainer = StreamingSftTrainer(
        **trainer_parts(loaded, stage, settings=settings, seed=seed, start=start, rows=0, launch=launch),
        stream=stream,
        checkpoints=out / "checkpoints",
        rows=recent,
        order=LengthGroupedSampler((), batch=stage.effective_batch, seed=seed),
        tokenizer=loaded.tokenizer,
        bad_batch=out / BAD_BATCH,
        data_collator=collator,
    )
    trainer.add_callback(Deterministic(stage.kernels))
    return trainer


def _prove(loaded: LoadedModel, stream: ResumableStream[RowsTogether]) -> None:
    """Prove the packing of the stream's first sequences; GateError as `prove_packing`."""
    head = [sequence for sequence, _ in islice(stream.sequences(None), PROVEN)]
    rows = [row for sequence in head for row in sequence]
    numbers = iter(range(len(rows)))
    packs = [tuple(next(numbers) for _ in sequence) for sequence in head]
    prove_packing(loaded.model, SequenceDataset(rows, packs), padding=loaded.tokenizer.pad_token_id or 0)
