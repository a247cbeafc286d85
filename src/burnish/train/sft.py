"""Supervised fine-tuning of an adapter or of every weight, on the labelled tokens of encoded rows.

Resumable bit for bit on a CPU.

Built on the trainer of transformers. TRL's `SFTTrainer` takes rows with labels too, but knows no weight per row, and
its entropy and accuracy of every token cost a quarter of the speed of a small model (1.56 against 2.07 steps per
second on one thread at a million parameters).

Not covered: packing, quantised bases, several processes, load-balancing losses of mixtures of experts.

Shapes: B rows, T tokens, N labelled tokens, V vocabulary.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

from burnish.config.model import ModelConfig
from burnish.config.recipe import SftStage
from burnish.errors import DataError, UserError
from burnish.fsio import digest_json, write_json
from burnish.model.adapters import AdapterOrigin
from burnish.model.attention import attention_of
from burnish.model.base import LoadedModel, device_memory, load_model, model_digest, stored_dtype
from burnish.model.chat_template import template_digest
from burnish.train.adapters import attach_adapter, save_trained
from burnish.train.arguments import common_arguments
from burnish.train.checkpoints import CompleteCheckpoints, train_from_latest
from burnish.train.evaluation import load_best
from burnish.train.interrupt import saving_interrupts
from burnish.train.kernels import Deterministic
from burnish.train.meter import Metered
from burnish.train.rows import (
    IGNORED,
    EncodedRow,
    LengthGroupedSampler,
    RowDataset,
    collate_rows,
    mean_token_weight,
    trained_tokens,
)
from burnish.train.schedule import learning_rate_share
from burnish.train.watch import watch_training

__all__ = ["EncodedRow", "SftResult", "run_sft"]

logger = logging.getLogger(__name__)

MADE_WITH = "made_with.json"


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
    callbacks: Sequence[TrainerCallback] = (),
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
            `train.meter` measures.
        callbacks: further ones of the trainer; see `watch_training`.

    Raises:
        ConfigError: batch sizes that do not divide, module names the model does not have, a base that cannot be loaded.
        DataError: no rows, or none with a trained token.
        UserError: the loss stopped being a number; names the rows.
        DeviceMemoryError: the accelerator is too small; checkpoints stay.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint on disk.
    """
    started = time.monotonic()
    if not any(trained_tokens(row) for row in encoded):
        raise DataError(f"{len(encoded)} rows and not one token to train on.", "Give rows with assistant turns.")
    settings = common_arguments(stage, rows=len(encoded), out=out / "checkpoints", seed=seed)
    loaded = load_model(base, model)
    origin = AdapterOrigin(
        base_digest=model_digest(base),
        template_digest=template_digest(loaded.tokenizer),
        dataset_digest=dataset_digest(encoded),
        quantization=None if model.quantization is None else model.quantization.kind,
    )
    _drop_foreign_checkpoints(out / "checkpoints", _made_with(origin, model, attention_of(loaded.model), stage, seed))
    trainer = _make_trainer(loaded, stage, encoded, settings, seed)
    steps = trainer.args.max_steps
    watch_training(trainer, name=stage.name, steps=steps, log=log, callbacks=callbacks)
    way_out = "Checkpoints are kept: lower micro_batch (and keep effective_batch), then run the same command again."
    with saving_interrupts() as stopper, device_memory(f"training {stage.name}", way_out):
        trainer.add_callback(stopper)
        train_from_latest(trainer, out / "checkpoints")
    steps = load_best(trainer, callbacks) or steps
    trained = out / ("model" if stage.adapter.kind == "full" else "adapter")
    save_trained(trainer.model, loaded.tokenizer, trained, origin, dtype=stored_dtype(base))
    counts = [trained_tokens(row) for row in encoded]
    tokens = sum(counts[row] for batch in trainer.order.first_batches(steps) for row in batch)
    return SftResult(trained, steps, tokens, time.monotonic() - started)


def dataset_digest(rows: Sequence[EncodedRow]) -> str:
    """SHA-256 over tokens, labels and weights of all rows, in order."""
    return digest_json([[row.input_ids, row.labels, row.weight] for row in rows])


def _made_with(origin: AdapterOrigin, model: ModelConfig, attention: str, stage: SftStage, seed: int) -> dict[str, Any]:
    settings = stage.model_dump(mode="json", exclude={"name", "log_every", "save_every", "start_from"})
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


def _drop_foreign_checkpoints(folder: Path, made_with: Mapping[str, Any]) -> None:
    record = folder / MADE_WITH
    if folder.is_dir() and any(folder.iterdir()):
        stored = json.loads(record.read_bytes()) if record.is_file() else {}
        differing = [key for key in made_with if stored.get(key) != made_with[key]]
        if not differing:
            return
        logger.warning("%s: made with other %s; training starts anew", folder, ", ".join(differing))
        shutil.rmtree(folder)
    write_json(record, made_with)


def _make_trainer(
    loaded: LoadedModel, stage: SftStage, encoded: Sequence[EncodedRow], settings: dict[str, Any], seed: int
) -> SftTrainer:
    on_cpu = loaded.device.type == "cpu"
    arguments = TrainingArguments(
        **settings | {"use_cpu": on_cpu, "bf16": not on_cpu and next(loaded.model.parameters()).dtype == torch.bfloat16}
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # several visible GPUs would silently become DataParallel
    set_seed(seed)
    trained = attach_adapter(loaded.model, stage.adapter)
    optimizer = torch.optim.AdamW(
        [parameter for parameter in trained.parameters() if parameter.requires_grad],
        lr=stage.learning_rate,
        weight_decay=stage.weight_decay,
    )
    trainer = SftTrainer(
        rows=encoded,
        order=LengthGroupedSampler([len(row.input_ids) for row in encoded], batch=stage.effective_batch, seed=seed),
        model=trained,
        args=arguments,
        train_dataset=RowDataset(encoded),
        data_collator=partial(
            collate_rows, padding=loaded.tokenizer.pad_token_id or 0, mean_weight=mean_token_weight(encoded)
        ),
        optimizers=(optimizer, LambdaLR(optimizer, learning_rate_share(stage, arguments.max_steps))),
        callbacks=[CompleteCheckpoints(), Deterministic(stage.kernels)],
    )
    return trainer


class SftTrainer(Metered, Trainer):
    """The trainer with a weighted loss on labelled tokens, a row order of its own, and an eye on NaN.

    The loss of an optimiser step is the sum over its labelled tokens of weight times negative log-likelihood, divided
    by their number, however the step is cut into micro batches.
    """

    def __init__(self, *, rows: Sequence[EncodedRow], order: LengthGroupedSampler, **trainer: Any) -> None:
        super().__init__(**trainer)
        self.rows = rows
        self.order = order
        self.model_accepts_loss_kwargs = True  # the trainer then hands over the token count of the whole step

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        return self.order

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean weighted loss; see the class."""
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)
        targets_BT = inputs["labels"][:, 1:]
        trained_BT = targets_BT != IGNORED
        logits_NV = outputs.logits[:, :-1][trained_BT].float()
        losses_N = cross_entropy(logits_NV, targets_BT[trained_BT], reduction="none")
        weights_N = inputs["weights"][:, None].expand_as(targets_BT)[trained_BT]
        tokens = len(losses_N) if num_items_in_batch is None else num_items_in_batch
        loss = (weights_N * losses_N).sum() / tokens
        return (loss, outputs) if return_outputs else loss

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """One micro batch; UserError naming its rows when the loss is NaN or infinite."""
        rows = inputs.pop("rows").tolist()
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        if not math.isfinite(loss.item()):
            ids = ", ".join(self.rows[row].id for row in rows[:8]) + (f" and {len(rows) - 8} more" * (len(rows) > 8))
            raise UserError(
                f"the loss became {loss.item()} in step {self.state.global_step + 1}, on the rows {ids}.",
                "Lower learning_rate or max_grad_norm, or take these rows out; earlier checkpoints are kept.",
            )
        return loss
