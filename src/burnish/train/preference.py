"""Preference tuning on TRL's DPO and KTO trainers: their losses, our tokens, row order, checkpoints and records.

The reference is the model as it is before the first step: with an adapter a frozen copy of the fresh adapter, which for
PiSSA alone is more than the base; with every weight trained a second copy of the model. TRL tokenises, truncates,
writes model cards and reports usage by itself; none of that happens here.

Not covered: several losses at once, a moving reference, load-balancing losses of mixtures of experts.

Shapes: B answers (of pairs first all chosen, then all rejected), T tokens.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from datasets import Dataset
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback, set_seed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

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
from burnish.train.adapters import attach_adapter, save_trained
from burnish.train.arguments import common_arguments, planned_steps
from burnish.train.checkpoints import CompleteCheckpoints, train_from_latest
from burnish.train.finite import StopsAtNoNumber
from burnish.train.foreign import drop_foreign_checkpoints
from burnish.train.interrupt import saving_interrupts
from burnish.train.kernels import Deterministic
from burnish.train.meter import Metered
from burnish.train.optimizer import make_optimizer
from burnish.train.reference import REFERENCE, WithoutTrimmings, plain_copy_of
from burnish.train.rows import IGNORED, EncodedRow, LengthGroupedSampler, trained_tokens
from burnish.train.schedule import learning_rate_share
from burnish.train.sft_trainer import BAD_BATCH
from burnish.train.watch import watch_training

ROW = "row"


class JudgedAnswers(Protocol):
    """What training needs of a row; `data.preferences.EncodedJudgement` is one."""

    @property
    def id(self) -> str:
        """Names the row in messages."""
        ...

    @property
    def answers(self) -> Sequence[EncodedRow]:
        """Chosen and rejected, or a single answer; labels cover the answer alone."""
        ...

    @property
    def good(self) -> bool:
        """Of a single answer, whether it is a good one."""
        ...


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

    Raises:
        ConfigError: batch sizes that do not divide, module names the model does not have, an adapter on the output
            layer, a base that cannot be loaded.
        UserError: the loss or its gradient stopped being a number; names the rows, which ``out/bad_batch.json`` keeps.
        DeviceMemoryError: the accelerator is too small; checkpoints stay.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint on disk.
    """
    started = time.monotonic()
    settings = common_arguments(stage, rows=len(rows), out=out / "checkpoints", seed=seed)
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
    watch_training(trainer, name=stage.name, steps=steps, log=log, callbacks=callbacks)
    way_out = "Checkpoints are kept: lower micro_batch (and keep effective_batch), then run the same command again."
    with saving_interrupts() as stopper, device_memory(f"training {stage.name}", way_out):
        trainer.add_callback(stopper)
        train_from_latest(trainer, out / "checkpoints")
    trained = out / ("model" if stage.adapter.kind == "full" else "adapter")
    if isinstance(trainer.model, PeftModel):
        trainer.model.delete_adapter(REFERENCE)
    save_trained(trainer.model, loaded.tokenizer, trained, origin, dtype=stored_dtype(base))
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
        "use_cpu": on_cpu,
        "bf16": not on_cpu and next(loaded.model.parameters()).dtype == torch.bfloat16,
        "beta": stage.method.beta,
        "max_length": stage.max_length,
    }
    method = stage.method
    if isinstance(method, DpoConfig):
        arguments: Any = DPOConfig(**said, loss_type=[method.loss], label_smoothing=method.label_smoothing)
    else:
        arguments = KTOConfig(
            **said,
            loss_type=method.loss,
            desirable_weight=method.desirable_weight,
            undesirable_weight=method.undesirable_weight,
        )
    arguments._n_gpu = min(1, arguments.n_gpu)  # several visible GPUs would silently become DataParallel
    return arguments


class OnOurRows(Metered, StopsAtNoNumber, WithoutTrimmings):
    """What both trainers share: rows come encoded, in an order of ours, and an eye is kept on NaN."""

    rows: Sequence[JudgedAnswers]
    order: LengthGroupedSampler

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset  # of row numbers: the collator has the tokens

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        return self.order

    def batch_of(self, inputs: dict[str, Any]) -> list[int]:
        """The row numbers."""
        numbers: list[int] = inputs.pop("rows").tolist()
        return numbers

    def described(self, batch: list[int]) -> list[dict[str, Any]]:
        """Rows with the text of each answer behind its prompt, as the model saw it."""
        decode = self.processing_class.decode  # type: ignore[attr-defined]
        rows = [self.rows[number] for number in batch]
        return [{"id": row.id, "good": row.good, "texts": [decode(it.input_ids) for it in row.answers]} for row in rows]


class PairTrainer(OnOurRows, DPOTrainer):
    """DPO on encoded pairs."""


class RatingTrainer(OnOurRows, KTOTrainer):
    """KTO on encoded answers."""


def collate_pairs(
    numbers: Sequence[Mapping[str, int]], *, rows: Sequence[JudgedAnswers], padding: int
) -> dict[str, torch.Tensor]:
    """Right-padded batch for TRL's DPO: ``input_ids``, ``attention_mask`` and ``completion_mask``, (B, T) each.

    ``rows`` are the row numbers.
    """
    taken = [number[ROW] for number in numbers]
    answers = [rows[row].answers[place] for place in (0, 1) for row in taken]
    return _padded(answers, padding) | {"rows": torch.tensor(taken)}


def collate_ratings(
    numbers: Sequence[Mapping[str, int]], *, rows: Sequence[JudgedAnswers], padding: int
) -> dict[str, torch.Tensor]:
    """Right-padded batch for TRL's KTO: as for pairs, with ``label`` (B), and each prompt once more with the answer of
    the row before it in the micro batch, under ``KL_`` names. A row alone in its batch gets the next row's answer.
    """
    taken = [number[ROW] for number in numbers]
    answers = [rows[row].answers[0] for row in taken]
    others = [answers[-1], *answers[:-1]] if len(answers) > 1 else [rows[(taken[0] + 1) % len(rows)].answers[0]]
    mismatched = [_Crossed(one, other) for one, other in zip(answers, others, strict=True)]
    return (
        _padded(answers, padding)
        | {f"KL_{key}": tensor for key, tensor in _padded(mismatched, padding).items()}
        | {"label": torch.tensor([rows[row].good for row in taken]), "rows": torch.tensor(taken)}
    )


class _Crossed:
    """The prompt of one row with the answer of another."""

    def __init__(self, asked: EncodedRow, answered: EncodedRow) -> None:
        head, tail = _answer_begin(asked), _answer_begin(answered)
        self.input_ids = asked.input_ids[:head] + answered.input_ids[tail:]
        self.labels = [IGNORED] * head + answered.labels[tail:]


def _answer_begin(row: EncodedRow) -> int:
    return next(place for place, label in enumerate(row.labels) if label != IGNORED)


def _padded(answers: Sequence[Any], padding: int) -> dict[str, torch.Tensor]:
    shape = (len(answers), max(len(one.input_ids) for one in answers))
    ids_BT = torch.full(shape, padding)
    seen_BT, judged_BT = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for place, one in enumerate(answers):
        length = len(one.input_ids)
        ids_BT[place, :length] = torch.tensor(one.input_ids)
        seen_BT[place, :length] = 1
        judged_BT[place, :length] = torch.tensor([label != IGNORED for label in one.labels], dtype=torch.long)
    return {"input_ids": ids_BT, "attention_mask": seen_BT, "completion_mask": judged_BT}
