"""Supervised fine-tuning of an adapter or of every weight, on the labelled tokens of encoded rows.

Resumable bit for bit on a CPU.

Built on the trainer of transformers. TRL's `SFTTrainer` takes rows with labels too, but knows no weight per row, and
its entropy and accuracy of every token cost a quarter of the speed of a small model (1.56 against 2.07 steps per
second on one thread at a million parameters).

Several rows may share a sequence; that they do not see each other is proven before the first step.

What the trainer itself adds is in `train.sft.trainer`. When the accelerator is too small for the micro batch, the
training goes on with half of it.

Not covered: how several processes are started (`scale.launch`), load-balancing losses of mixtures of experts.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback, TrainingArguments, set_seed

from burnish.config.launch import ALONE, LaunchConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.recipe import SftStage
from burnish.errors import DataError, DeviceMemoryError
from burnish.fsio import digest_json
from burnish.model.base import LoadedModel, load_model
from burnish.records.layout import BAD_BATCH
from burnish.scale.processes import process_count
from burnish.train.arguments import common_arguments, placed, planned_steps, smaller_micro_batch
from burnish.train.batches.packing_proof import prove_packing
from burnish.train.batches.rows import (
    EncodedRow,
    LengthGroupedSampler,
    SequenceDataset,
    collate,
    mean_token_weight,
    trained_tokens,
)
from burnish.train.checkpoints.complete import CompleteCheckpoints, train_from_latest
from burnish.train.checkpoints.interrupt import saving_interrupts
from burnish.train.checkpoints.provenance import made_with, origin_of, start_digest
from burnish.train.checkpoints.save_result import save_result
from burnish.train.checkpoints.stale import drop_foreign_checkpoints
from burnish.train.sft.trainer import SftTrainer
from burnish.train.watch.training_log import watch_training
from burnish.train.weights.adapters import attach_adapter
from burnish.train.weights.continue_adapter import continue_adapter
from burnish.train.weights.deepspeed import deepspeed_arguments
from burnish.train.weights.kernels import Deterministic
from burnish.train.weights.optimizer import make_optimizer
from burnish.train.weights.schedule import learning_rate_share
from burnish.train.weights.sharded import shard

__all__ = ["EncodedRow", "SftResult", "first_pass", "run_sft"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SftResult:
    """What training left behind."""

    trained: Path
    """The adapter's folder, or the model's where every weight was trained."""
    steps: int
    """Optimiser steps behind the result."""
    trained_tokens: int
    """Labelled tokens over all steps, repeats counted."""
    seconds: float
    """Wall time of this attempt."""


def run_sft(
    *,
    base: Path,
    model: ModelConfig,
    stage: SftStage,
    encoded: Sequence[EncodedRow],
    out: Path,
    seed: int,
    log: Callable[[int, Mapping[str, float]], None],
    packs: Sequence[Sequence[int]] | None = None,
    callbacks: Sequence[TrainerCallback] = (),
    start: Path | None = None,
    launch: LaunchConfig = ALONE,
) -> SftResult:
    """Train to the end, or go on from the last complete checkpoint in ``out/checkpoints``; writes ``out/adapter``,
    or ``out/model`` where every weight was trained.

    Checkpoints that were made from other data, settings or another base are removed with a message.

    Args:
        base: folder of the base model.
        model: dtype and device; ``model.base`` is not read.
        stage: settings; the micro batch must divide the effective batch.
        encoded: rows with labels, already checked by the gates.
        out: folder of the stage.
        seed: of adapter initialisation, dropout and row order.
        log: called every ``stage.log_every`` steps with loss, learning rate, gradient norm, epoch, and what
            `train.watch.meter` measures.
        packs: rows that share a sequence, by index, every row once; None for one row each.
        callbacks: further ones of the trainer; see `watch_training`.
        start: adapter folder whose weights are trained on; None begins with fresh ones.
        launch: what each of several processes keeps.

    Raises:
        GateError: packed rows have other losses than alone.
        ConfigError: batch sizes that do not divide, module names the model does not have, a base that cannot be loaded.
        DataError: no rows, or none with a trained token.
        UserError: the loss stopped being a number; names the rows, which ``out/bad_batch.json`` keeps.
        DeviceMemoryError: the accelerator is too small for one sequence, or in several processes for the micro batch;
            checkpoints stay.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint on disk.
    """
    started = time.monotonic()
    if not any(trained_tokens(row) for row in encoded):
        raise DataError(f"{len(encoded)} rows and not one token to train on.", "Give rows with assistant turns.")
    dataset = SequenceDataset(encoded, packs)
    attempt = partial(_attempt, out=out, seed=seed, log=log, callbacks=callbacks, start=start, launch=launch)
    while (trained := attempt(base, model, stage, encoded, dataset)) is None:
        stage = _with_smaller_batch(stage)
    folder, steps = trained
    counts = [trained_tokens(row) for row in encoded]
    order = _order(dataset, stage, seed)
    tokens = sum(counts[row] for batch in order.first_batches(steps) for pack in batch for row in dataset.packs[pack])
    return SftResult(folder, steps, tokens, time.monotonic() - started)


def _with_smaller_batch(stage: SftStage) -> SftStage:
    """The stage for an accelerator that was too small; DeviceMemoryError when nothing smaller can be."""
    lower = smaller_micro_batch(stage, process_count())
    if lower is None or process_count() > 1:
        raise DeviceMemoryError(
            f"the accelerator ran out of memory while training {stage.name} with micro_batch {stage.micro_batch}.",
            "Checkpoints are kept: shorten max_length, or turn kernels.gradient_checkpointing on.",
        )
    logger.warning(
        "%s: the accelerator is too small for micro_batch %d: goes on with %d and the same effective batch",
        *(stage.name, stage.micro_batch, lower),
    )
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return stage.model_copy(update={"micro_batch": lower})


def _attempt(
    base: Path,
    model: ModelConfig,
    stage: SftStage,
    encoded: Sequence[EncodedRow],
    dataset: SequenceDataset,
    *,
    out: Path,
    seed: int,
    log: Callable[[int, Mapping[str, float]], None],
    callbacks: Sequence[TrainerCallback],
    start: Path | None,
    launch: LaunchConfig,
) -> tuple[Path, int] | None:
    """Train to the end: the folder of what was trained, and its steps; None when the micro batch is too large."""
    settings = common_arguments(stage, rows=len(dataset), out=out / "checkpoints", seed=seed, processes=process_count())
    if stage.packing:
        settings["include_num_input_tokens_seen"] = "all"  # packed rows have no attention mask to count by
    loaded = load_model(base, model)
    if stage.packing:
        proof = prove_packing(loaded.model, dataset, padding=loaded.tokenizer.pad_token_id or 0)
        logger.info("%s: %s", stage.name, proof)
    origin = origin_of(base, model, loaded, dataset_digest(encoded))
    beginning = {"start": start_digest(start)}
    drop_foreign_checkpoints(out / "checkpoints", made_with(origin, model, loaded, stage, seed) | beginning)
    trainer = _make_trainer(
        loaded, stage, encoded, dataset, settings=settings, seed=seed, out=out, start=start, launch=launch
    )

    def log_with_batch(step: int, values: Mapping[str, float]) -> None:
        log(step, {**values, "micro_batch": float(stage.micro_batch)})

    watch_training(trainer, name=stage.name, steps=trainer.args.max_steps, log=log_with_batch, callbacks=callbacks)
    with saving_interrupts() as stopper:
        trainer.add_callback(stopper)
        try:
            train_from_latest(trainer, out / "checkpoints")
        except torch.OutOfMemoryError:
            return None
    return save_result(trainer, loaded, stage, origin, base=base, out=out, callbacks=callbacks)


def dataset_digest(rows: Sequence[EncodedRow]) -> str:
    """SHA-256 over tokens, labels and weights of all rows, in order."""
    return digest_json([[row.input_ids, row.labels, row.weight] for row in rows])


def _make_trainer(
    loaded: LoadedModel,
    stage: SftStage,
    encoded: Sequence[EncodedRow],
    dataset: SequenceDataset,
    *,
    settings: dict[str, Any],
    seed: int,
    out: Path,
    start: Path | None,
    launch: LaunchConfig,
) -> SftTrainer:
    return SftTrainer(
        **trainer_parts(loaded, stage, settings=settings, seed=seed, start=start, rows=len(dataset), launch=launch),
        rows=encoded,
        tokenizer=loaded.tokenizer,
        bad_batch=out / BAD_BATCH,
        order=_order(dataset, stage, seed),
        train_dataset=dataset,
        data_collator=_collator(loaded.tokenizer, encoded, stage),
        callbacks=[CompleteCheckpoints(), Deterministic(stage.kernels)],
    )


def trainer_parts(
    loaded: LoadedModel,
    stage: SftStage,
    *,
    settings: dict[str, Any],
    seed: int,
    start: Path | None,
    rows: int,
    launch: LaunchConfig = ALONE,
) -> dict[str, Any]:
    """``model``, ``args`` and ``optimizers`` of the trainer.

    Args:
        loaded: the base.
        stage: adapter, rates and schedule.
        settings: of ``TrainingArguments``.
        seed: of the adapter's first weights.
        start: adapter folder whose weights are trained on; None begins with fresh ones.
        rows: sequences of a pass.
        launch: what each of several processes keeps.
    """
    on_cpu = loaded.device.type == "cpu"
    half = not on_cpu and next(loaded.model.parameters()).dtype == torch.bfloat16
    settings = settings | {"bf16": half} | deepspeed_arguments(launch, on_cpu=on_cpu)
    arguments = placed(TrainingArguments, settings, on_cpu=on_cpu)
    set_seed(seed)
    trained = attach_adapter(loaded.model, stage.adapter)
    if start is not None:
        continue_adapter(trained, start, stage.adapter.kind)
    if launch.strategy == "fsdp2" and process_count() > 1:
        shard(trained, on_cpu=on_cpu)
    optimizer = make_optimizer(trained, stage)
    schedule = LambdaLR(optimizer, learning_rate_share(stage, planned_steps(stage, rows)))
    return {"model": trained, "args": arguments, "optimizers": (optimizer, schedule)}


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
    """The micro batches of the first pass, collated as the trainer will get them; `run_sft` has the arguments."""
    dataset = SequenceDataset(encoded, packs)
    order = _order(dataset, stage, seed).order(0)
    collator = _collator(tokenizer, encoded, stage)
    for start in range(0, len(order), stage.micro_batch):
        yield collator([dataset[index] for index in order[start : start + stage.micro_batch]])
