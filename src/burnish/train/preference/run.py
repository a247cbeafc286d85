"""Preference tuning on TRL's DPO and KTO trainers: their losses, our tokens, row order, checkpoints and records.

The reference is the model before the first step: with an adapter a frozen copy of the fresh adapter, which differs from
the base only for PiSSA; with every weight trained a second copy of the model. TRL's own tokenising, truncating, model
cards and usage reports are turned off. The trainers are in
`train.preference.trainer`.

Not covered: several losses at once, a moving reference, load-balancing losses of mixtures of experts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import TrainerCallback
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.kto_config import KTOConfig

from burnish.config.stages.kinds.preference import DpoConfig, PreferenceStage
from burnish.fsio import digest_json
from burnish.model.base import LoadedModel
from burnish.train.batches.rows import LengthGroupedSampler, trained_tokens
from burnish.train.checkpoints.complete import CompleteCheckpoints
from burnish.train.job import FREE, TrainingJob, TrainingResult, open_checkpoints, train_adapter, trainer_parts
from burnish.train.preference.trainer import (
    ROW,
    HeldOutJudgements,
    JudgedAnswers,
    PairTrainer,
    RatingTrainer,
    collate_pairs,
    collate_ratings,
)
from burnish.train.watch.evaluation import PeriodicEvaluation
from burnish.train.weights.kernels import Deterministic
from burnish.train.weights.reference import kept_as_it_is


def run_preference(
    job: TrainingJob[PreferenceStage], rows: Sequence[JudgedAnswers], held_out: Sequence[JudgedAnswers] = ()
) -> TrainingResult:
    """Train on judged answers; the base is the reference too.

    Args:
        job: the training.
        rows: judged answers, already checked by the gates; pairs for DPO, single answers for KTO.
        held_out: rows for a `PeriodicEvaluation` among the callbacks.

    Raises:
        ConfigError: an adapter on the output layer.
        What a `TrainingJob` raises.
    """
    (folder, steps), seconds = job.fitting(lambda fitting: _train(fitting, rows, held_out))
    counts = [sum(trained_tokens(answer) for answer in row.answers) for row in rows]
    tokens = sum(counts[row] for batch in _order(job, rows).first_batches(steps) for row in batch)
    return TrainingResult(folder, steps, seconds, tokens)


def _train(
    job: TrainingJob[PreferenceStage], rows: Sequence[JudgedAnswers], held_out: Sequence[JudgedAnswers]
) -> tuple[Path, int]:
    """Train to the end; return the folder of the result and the optimiser steps."""
    stage, settings = job.stage, job.settings(len(rows))
    loaded = job.load()
    free = FREE | {"rows"}
    if stage.method.kind == "kto":
        free -= {"micro_batch"}  # the KL term depends on the micro batch
    origin = open_checkpoints(job, loaded, preferences_digest(rows), free=free)
    reference = job.load() if stage.adapter.kind == "full" else None
    trainer = _make_trainer(job, loaded, reference, rows, settings)
    if held_out:
        padding = loaded.tokenizer.pad_token_id or 0
        measure = HeldOutJudgements(trainer, held_out, micro_batch=stage.micro_batch, padding=padding)
        _measure_first(measure, job.callbacks)
    return train_adapter(job, trainer, loaded, origin)


def _measure_first(evaluator: HeldOutJudgements, callbacks: Sequence[TrainerCallback]) -> None:
    for callback in callbacks:
        if isinstance(callback, PeriodicEvaluation):
            # An evaluator of an earlier attempt would keep its trainer in memory.
            others = [other for other in callback.evaluators if not isinstance(other, HeldOutJudgements)]
            callback.evaluators = [evaluator, *others]


def preferences_digest(rows: Sequence[JudgedAnswers]) -> str:
    """Return the SHA-256 over tokens, labels and judgements of all rows, in order."""
    return digest_json([[row.good, [[answer.input_ids, answer.labels] for answer in row.answers]] for row in rows])


def _order(job: TrainingJob[PreferenceStage], rows: Sequence[JudgedAnswers]) -> LengthGroupedSampler:
    lengths = [sum(len(answer.input_ids) for answer in row.answers) for row in rows]
    return LengthGroupedSampler(lengths, batch=job.stage.effective_batch, seed=job.seed)


def _make_trainer(
    job: TrainingJob[PreferenceStage],
    loaded: LoadedModel,
    reference: LoadedModel | None,
    rows: Sequence[JudgedAnswers],
    settings: dict[str, Any],
) -> Any:
    stage, pairs = job.stage, isinstance(job.stage.method, DpoConfig)
    kind, collate = (PairTrainer, collate_pairs) if pairs else (RatingTrainer, collate_ratings)
    parts = trainer_parts(
        job,
        loaded,
        settings | _method_settings(stage),
        rows=len(rows),
        kind=DPOConfig if pairs else KTOConfig,
        read_past_adapter="preference losses read",
    )
    with kept_as_it_is(parts["model"]):
        trainer: Any = kind(
            **parts,
            ref_model=None if reference is None else reference.model.requires_grad_(False),
            train_dataset=Dataset.from_dict({ROW: list(range(len(rows)))}),
            data_collator=partial(collate, rows=rows, padding=loaded.tokenizer.pad_token_id or 0),
            processing_class=loaded.tokenizer,
            callbacks=[CompleteCheckpoints(), Deterministic(stage.kernels)],
        )
    trainer.rows, trainer.order, trainer.bad_batch = rows, _order(job, rows), job.bad_batch
    return trainer


def _method_settings(stage: PreferenceStage) -> dict[str, Any]:
    """Return TRL's arguments that are specific to the method."""
    method = stage.method
    shared = {"beta": method.beta, "max_length": stage.max_length}
    if isinstance(method, DpoConfig):
        return shared | {"loss_type": [method.loss], "label_smoothing": method.label_smoothing}
    weights = {"desirable_weight": method.desirable_weight, "undesirable_weight": method.undesirable_weight}
    return shared | weights | {"loss_type": method.loss}
