"""Fine-tune an adapter or all weights on the labelled tokens of encoded rows.

Resumable bit for bit on a CPU.

Built on the trainer of transformers. TRL's `SFTTrainer` takes rows with labels too, but has no weight per row, and
its entropy and accuracy of every token cost a quarter of the speed of a small model (1.56 against 2.07 steps per
second on one thread at a million parameters).

Several rows may share a sequence; the first step is preceded by a proof that they do not see each other.

The trainer is in `train.sft.trainer`, the part common to all methods in `train.job`.

Not covered: starting several processes (`scale.launch`), load-balancing losses of mixtures of experts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from burnish.config.stages.kinds.sft import SftStage
from burnish.errors import DataError
from burnish.fsio import digest_json
from burnish.train.batches.packing_proof import prove_packing
from burnish.train.batches.rows import (
    EncodedRow,
    LengthGroupedSampler,
    SequenceDataset,
    collate,
    mean_token_weight,
    trained_tokens,
)
from burnish.train.checkpoints.complete import CompleteCheckpoints
from burnish.train.job import TrainingJob, TrainingResult, open_checkpoints, train_adapter, trainer_parts
from burnish.train.sft.trainer import SftTrainer
from burnish.train.weights.kernels import Deterministic
from burnish.wording import counted

logger = logging.getLogger(__name__)


def run_sft(
    job: TrainingJob[SftStage], rows: Sequence[EncodedRow], packs: Sequence[Sequence[int]] | None = None
) -> TrainingResult:
    """Train on the labelled tokens of ``rows``.

    Args:
        job: the training.
        rows: rows with labels, already checked by the gates.
        packs: rows that share a sequence, by index, every row once; None for one row each.

    Raises:
        GateError: packed rows have other losses than alone.
        DataError: no rows, or none with a trained token.
        What a `TrainingJob` raises.
    """
    if not any(trained_tokens(row) for row in rows):
        raise DataError(
            f"{counted(len(rows), 'row')} and not one token to train on.", "Give rows with assistant turns."
        )
    dataset = SequenceDataset(rows, packs)
    (folder, steps), seconds = job.fitting(lambda fitting: _train(fitting, rows, dataset))
    counts = [trained_tokens(row) for row in rows]
    order = _order(dataset, job.stage, job.seed)
    tokens = sum(counts[row] for batch in order.first_batches(steps) for pack in batch for row in dataset.packs[pack])
    return TrainingResult(folder, steps, seconds, tokens)


def _train(job: TrainingJob[SftStage], rows: Sequence[EncodedRow], dataset: SequenceDataset) -> tuple[Path, int]:
    """Train to the end; return the folder of the result and the optimiser steps."""
    stage, settings = job.stage, sft_settings(job, len(dataset))
    loaded = job.load()
    if stage.packing:
        proof = prove_packing(loaded.model, dataset, padding=loaded.tokenizer.pad_token_id or 0)
        logger.info("%s: %s", stage.name, proof)
    origin = open_checkpoints(job, loaded, dataset_digest(rows))
    trainer = SftTrainer(
        **trainer_parts(job, loaded, settings, rows=len(dataset)),
        rows=rows,
        tokenizer=loaded.tokenizer,
        bad_batch=job.bad_batch,
        order=_order(dataset, stage, job.seed),
        train_dataset=dataset,
        data_collator=_collator(loaded.tokenizer, rows, stage),
        callbacks=[CompleteCheckpoints(), Deterministic(stage.kernels)],
    )

    def log_with_batch(step: int, values: Mapping[str, float]) -> None:
        job.log(step, {**values, "micro_batch": float(stage.micro_batch)})

    return train_adapter(replace(job, log=log_with_batch), trainer, loaded, origin)


def sft_settings(job: TrainingJob[SftStage], rows: int) -> dict[str, Any]:
    """Return the trainer's arguments for a pass of this many sequences."""
    # Packed rows have no attention mask to count tokens with.
    return job.settings(rows) | ({"include_num_input_tokens_seen": "all"} if job.stage.packing else {})


def dataset_digest(rows: Sequence[EncodedRow]) -> str:
    """Return the SHA-256 over tokens, labels and weights of all rows, in order."""
    return digest_json([[row.input_ids, row.labels, row.weight] for row in rows])


def _order(dataset: SequenceDataset, stage: SftStage, seed: int) -> LengthGroupedSampler:
    return LengthGroupedSampler(dataset.lengths(), batch=stage.effective_batch, seed=seed)


def _collator(tokenizer: Any, encoded: Sequence[EncodedRow], stage: SftStage) -> Callable[[Any], dict[str, Any]]:
    mean_weight = mean_token_weight(encoded)
    return partial(collate, padding=tokenizer.pad_token_id or 0, mean_weight=mean_weight, packed=stage.packing)


def first_pass(
    encoded: Sequence[EncodedRow],
    tokenizer: Any,
    stage: SftStage,
    seed: int,
    packs: Sequence[Sequence[int]] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the micro batches of the first pass, as the trainer will collate them; arguments as for `run_sft`."""
    dataset = SequenceDataset(encoded, packs)
    order = _order(dataset, stage, seed).order(0)
    collator = _collator(tokenizer, encoded, stage)
    for start in range(0, len(order), stage.micro_batch):
        yield collator([dataset[index] for index in order[start : start + stage.micro_batch]])
