"""Preference tuning on TRL's DPO and KTO trainers: their losses, our tokens, row order, checkpoints and records.

The reference is the model as it is before the first step: with an adapter a frozen copy of the fresh adapter, which for
PiSSA alone is more than the base; with every weight trained a second copy of the model. TRL tokenises, truncates,
writes model cards and reports usage by itself; none of that happens here. The trainers are in
`train.preference.trainer`.

Not covered: several losses at once, a moving reference, load-balancing losses of mixtures of experts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback, set_seed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.kto_config import KTOConfig

from burnish.config.model import ModelConfig
from burnish.config.stages.preference import DpoConfig
from burnish.config.stages.recipe import PreferenceStage
from burnish.fsio import digest_json
from burnish.model.base import LoadedModel, load_model
from burnish.records.layout import BAD_BATCH
from burnish.scale.processes import process_count
from burnish.train.arguments import common_arguments, placed, planned_steps
from burnish.train.batches.rows import LengthGroupedSampler, trained_tokens
from burnish.train.checkpoints.complete import CompleteCheckpoints
from burnish.train.checkpoints.provenance import FREE, made_with, origin_of
from burnish.train.checkpoints.save_result import save_result, train_to_end
from burnish.train.checkpoints.stale import drop_foreign_checkpoints
from burnish.train.preference.trainer import (
    ROW,
    HeldOutJudgements,
    JudgedAnswers,
    PairTrainer,
    RatingTrainer,
    collate_pairs,
    collate_ratings,
)
from burnish.train.watch.evaluation import Evaluator, PeriodicEvaluation
from burnish.train.watch.training_log import watch_training
from burnish.train.weights.adapters import attach_adapter
from burnish.train.weights.kernels import Deterministic
from burnish.train.weights.optimizer import make_optimizer
from burnish.train.weights.reference import kept_as_it_is, refuse_adapted_output
from burnish.train.weights.schedule import learning_rate_share


@dataclass(frozen=True)
class PreferenceResult:
    """What training left behind."""

    trained: Path
    """The adapter's folder, or the model's where every weight was trained."""
    steps: int
    """Optimiser steps behind the result."""
    trained_tokens: int
    """Tokens of judged answers over all steps, repeats counted."""
    seconds: float
    """Wall time of this attempt."""


def run_preference(
    *,
    base: Path,
    model: ModelConfig,
    stage: PreferenceStage,
    rows: Sequence[JudgedAnswers],
    out: Path,
    seed: int,
    log: Callable[[int, Mapping[str, float]], None],
    callbacks: Sequence[TrainerCallback] = (),
    held_out: Sequence[JudgedAnswers] = (),
) -> PreferenceResult:
    """Train to the end, or go on from the last complete checkpoint in ``out/checkpoints``; writes ``out/adapter``,
    or ``out/model`` where every weight was trained.

    Args:
        base: folder of the model that is trained and is the reference.
        model: dtype and device; ``model.base`` is not read.
        stage: settings; the micro batch must divide the effective batch.
        rows: judged answers, already checked by the gates; pairs for DPO, single answers for KTO.
        out: folder of the stage.
        seed: of adapter initialisation and row order.
        log: called every ``stage.log_every`` steps with loss, implicit rewards, and what `train.watch.meter` measures.
        callbacks: further ones of the trainer; see `watch_training`.
        held_out: rows that a `PeriodicEvaluation` among the callbacks measures.

    Raises:
        ConfigError: batch sizes that do not divide, module names the model does not have, an adapter on the output
            layer, a base that cannot be loaded.
        UserError: the loss or its gradient stopped being a number; names the rows, which ``out/bad_batch.json`` keeps.
        DeviceMemoryError: the accelerator is too small; checkpoints stay.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint on disk.
    """
    started = time.monotonic()
    settings = common_arguments(stage, rows=len(rows), out=out / "checkpoints", seed=seed, processes=process_count())
    loaded = load_model(base, model)
    origin = origin_of(base, model, loaded, preferences_digest(rows))
    free = FREE | {"rows"}
    if stage.method.kind == "kto":
        free -= {"micro_batch"}  # the KL term is that of a micro batch
    drop_foreign_checkpoints(out / "checkpoints", made_with(origin, model, loaded, stage, seed, free=free))
    reference = load_model(base, model) if stage.adapter.kind == "full" else None
    trainer = _make_trainer(loaded, reference, stage, rows, settings=settings, seed=seed)
    trainer.bad_batch = out / BAD_BATCH
    if held_out:
        padding = loaded.tokenizer.pad_token_id or 0
        measure = HeldOutJudgements(trainer, held_out, micro_batch=stage.micro_batch, padding=padding)
        _measure_first(measure, callbacks)
    watch_training(trainer, name=stage.name, steps=trainer.args.max_steps, log=log, callbacks=callbacks)
    train_to_end(trainer, out / "checkpoints", stage.name)
    trained, steps = save_result(trainer, loaded, stage, origin, base=base, out=out, callbacks=callbacks)
    counts = [sum(trained_tokens(answer) for answer in row.answers) for row in rows]
    tokens = sum(counts[row] for batch in trainer.order.first_batches(steps) for row in batch)
    return PreferenceResult(trained, steps, tokens, time.monotonic() - started)


def _measure_first(evaluator: Evaluator, callbacks: Sequence[TrainerCallback]) -> None:
    for callback in callbacks:
        if isinstance(callback, PeriodicEvaluation):
            callback.evaluators = [evaluator, *callback.evaluators]


def preferences_digest(rows: Sequence[JudgedAnswers]) -> str:
    """SHA-256 over tokens, labels and judgements of all rows, in order."""
    return digest_json([[row.good, [[one.input_ids, one.labels] for one in row.answers]] for row in rows])


def _make_trainer(
    loaded: LoadedModel,
    reference: LoadedModel | None,
    stage: PreferenceStage,
    rows: Sequence[JudgedAnswers],
    *,
    settings: dict[str, Any],
    seed: int,
) -> Any:
    arguments = _arguments(loaded, stage, settings)
    set_seed(seed)
    trained = attach_adapter(loaded.model, stage.adapter)
    refuse_adapted_output(trained, "preference losses read")
    optimizer = make_optimizer(trained, stage)
    kind = PairTrainer if isinstance(stage.method, DpoConfig) else RatingTrainer
    collate = collate_pairs if isinstance(stage.method, DpoConfig) else collate_ratings
    with kept_as_it_is(trained):
        trainer = kind(
            model=trained,
            ref_model=None if reference is None else reference.model.requires_grad_(False),
            args=arguments,
            train_dataset=Dataset.from_dict({ROW: list(range(len(rows)))}),
            data_collator=partial(collate, rows=rows, padding=loaded.tokenizer.pad_token_id or 0),
            processing_class=loaded.tokenizer,
            optimizers=(optimizer, LambdaLR(optimizer, learning_rate_share(stage, planned_steps(stage, len(rows))))),
            callbacks=[CompleteCheckpoints(), Deterministic(stage.kernels)],
        )
    trainer.rows = rows
    lengths = [sum(len(answer.input_ids) for answer in row.answers) for row in rows]
    trainer.order = LengthGroupedSampler(lengths, batch=stage.effective_batch, seed=seed)
    return trainer


def _arguments(loaded: LoadedModel, stage: PreferenceStage, settings: dict[str, Any]) -> Any:
    on_cpu = loaded.device.type == "cpu"
    said: dict[str, Any] = settings | {
        "bf16": not on_cpu and next(loaded.model.parameters()).dtype == torch.bfloat16,
        "beta": stage.method.beta,
        "max_length": stage.max_length,
    }
    method = stage.method
    if isinstance(method, DpoConfig):
        said |= {"loss_type": [method.loss], "label_smoothing": method.label_smoothing}
        return placed(DPOConfig, said, on_cpu=on_cpu)
    said |= {"desirable_weight": method.desirable_weight, "undesirable_weight": method.undesirable_weight}
    return placed(KTOConfig, said | {"loss_type": method.loss}, on_cpu=on_cpu)
