"""Preference tuning on TRL's DPO and KTO trainers: their losses, our tokens, row order, checkpoints and records.

The reference is the model as it is before the first step: with an adapter a frozen copy of the fresh adapter, which for
PiSSA alone is more than the base; with every weight trained a second copy of the model. TRL tokenises, truncates,
writes model cards and reports usage by itself; none of that happens here. The trainers are in
`train.preference_trainer`.

Not covered: several losses at once, a moving reference, load-balancing losses of mixtures of experts.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback, set_seed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.kto_config import KTOConfig

from burnish.config.model import ModelConfig
from burnish.config.preference import DpoConfig
from burnish.config.recipe import PreferenceStage
from burnish.config.train import CONTINUABLE
from burnish.errors import ConfigError
from burnish.fsio import digest_json
from burnish.model.adapters import AdapterOrigin
from burnish.model.attention import attention_of
from burnish.model.base import LoadedModel, device_memory, load_model, model_digest, stored_dtype
from burnish.model.chat_template import template_digest
from burnish.scale.processes import is_first, process_count, wait_for_all
from burnish.train.adapters import attach_adapter, save_trained
from burnish.train.arguments import common_arguments, placed, planned_steps
from burnish.train.checkpoints import CompleteCheckpoints, train_from_latest
from burnish.train.evaluation import PeriodicEvaluation, load_best
from burnish.train.foreign import drop_foreign_checkpoints
from burnish.train.interrupt import saving_interrupts
from burnish.train.kernels import Deterministic
from burnish.train.optimizer import make_optimizer
from burnish.train.preference_trainer import (
    ROW,
    HeldOutJudgements,
    JudgedAnswers,
    PairTrainer,
    RatingTrainer,
    collate_pairs,
    collate_ratings,
)
from burnish.train.reference import REFERENCE, plain_copy_of
from burnish.train.rows import LengthGroupedSampler, trained_tokens
from burnish.train.schedule import learning_rate_share
from burnish.train.sft_trainer import BAD_BATCH
from burnish.train.watch import watch_training


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
        log: called every ``stage.log_every`` steps with loss, implicit rewards, and what `train.meter` measures.
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
    origin = AdapterOrigin(
        base_digest=model_digest(base),
        template_digest=template_digest(loaded.tokenizer),
        dataset_digest=preferences_digest(rows),
        quantization=None if model.quantization is None else model.quantization.kind,
    )
    drop_foreign_checkpoints(out / "checkpoints", _made_with(origin, model, attention_of(loaded.model), stage, seed))
    reference = load_model(base, model) if stage.adapter.kind == "full" else None
    trainer = _make_trainer(loaded, reference, stage, rows, settings=settings, seed=seed)
    trainer.bad_batch = out / BAD_BATCH
    steps = trainer.args.max_steps
    for callback in callbacks:
        if isinstance(callback, PeriodicEvaluation) and held_out:
            padding = loaded.tokenizer.pad_token_id or 0
            measure = HeldOutJudgements(trainer, held_out, micro_batch=stage.micro_batch, padding=padding)
            callback.evaluators = [measure, *callback.evaluators]
    watch_training(trainer, name=stage.name, steps=steps, log=log, callbacks=callbacks)
    way_out = "Checkpoints are kept: lower micro_batch (and keep effective_batch), then run the same command again."
    with saving_interrupts() as stopper, device_memory(f"training {stage.name}", way_out):
        trainer.add_callback(stopper)
        train_from_latest(trainer, out / "checkpoints")
    steps = load_best(trainer, callbacks) or steps
    trained = out / ("model" if stage.adapter.kind == "full" else "adapter")
    if is_first():
        if isinstance(trainer.model, PeftModel):
            trainer.model.delete_adapter(REFERENCE)
        save_trained(trainer.model, loaded.tokenizer, trained, origin, dtype=stored_dtype(base))
    wait_for_all()
    counts = [sum(trained_tokens(answer) for answer in row.answers) for row in rows]
    tokens = sum(counts[row] for batch in trainer.order.first_batches(steps) for row in batch)
    return PreferenceResult(trained, steps, tokens, time.monotonic() - started)


def preferences_digest(rows: Sequence[JudgedAnswers]) -> str:
    """SHA-256 over tokens, labels and judgements of all rows, in order."""
    return digest_json([[row.good, [[one.input_ids, one.labels] for one in row.answers]] for row in rows])


def _made_with(
    origin: AdapterOrigin, model: ModelConfig, attention: str, stage: PreferenceStage, seed: int
) -> dict[str, Any]:
    free = {"name", "log_every", "start_from", "rows", *CONTINUABLE}
    if stage.method.kind == "kto":
        free.remove("micro_batch")  # the KL term is that of a micro batch
    settings = stage.model_dump(mode="json", exclude=free)
    return {
        "base model": origin.base_digest,
        "chat template": origin.template_digest,
        "rows": origin.dataset_digest,
        "dtype": model.dtype,
        "attention": attention,
        "quantization": None if model.quantization is None else model.quantization.model_dump(mode="json"),
        "seed": seed,
        **settings,
    }


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
    if isinstance(trained, PeftModel) and isinstance(trained.get_output_embeddings(), BaseTunerLayer):
        raise ConfigError(
            "adapter.target_modules names the output layer, which preference losses read past the adapter.",
            "Leave lm_head out of target_modules.",
        )
    free = {name: weight for name, weight in trained.named_parameters() if weight.requires_grad}
    before = {name: weight.data for name, weight in free.items()}
    optimizer = make_optimizer(trained, stage)
    kind = PairTrainer if isinstance(stage.method, DpoConfig) else RatingTrainer
    collate = collate_pairs if isinstance(stage.method, DpoConfig) else collate_ratings
    with plain_copy_of(trained), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config` attribute", UserWarning)
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
    for name, weight in free.items():
        weight.data = before[name]  # TRL makes them bfloat16 on a quantised base, where small updates are lost
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
