"""Define one training, whatever its method: its inputs, and the steps from a loaded base to weights on disk.

A method (``train.sft`` and its neighbours) takes a `TrainingJob` and its own inputs: rows, prompts, a sampler. It loads
the base, makes its trainer from `trainer_parts`, and passes it to `train`.

Not covered: starting several processes (`scale.launch`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback, TrainingArguments, set_seed

from burnish.config.launch import ALONE, LaunchConfig
from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.optimizer import CONTINUABLE, OptimizerConfig
from burnish.fsio import digest_file
from burnish.model.adapters import AdapterOrigin
from burnish.model.attention import attention_of
from burnish.model.base import LoadedModel, load_model
from burnish.model.chat_template import template_digest
from burnish.model.folders import model_digest
from burnish.records.layout import ADAPTER, ADAPTER_WEIGHTS, BAD_BATCH, CHECKPOINTS, MODEL
from burnish.scale.processes import process_count
from burnish.train.arguments import common_arguments, placed, planned_steps
from burnish.train.checkpoints.complete import drop_foreign_checkpoints
from burnish.train.checkpoints.save_result import result_saver, save_best, train_to_end
from burnish.train.micro_batch import fit_micro_batch
from burnish.train.watch.training_log import Log, watch_training
from burnish.train.weights.adapters import attach_adapter, continue_adapter, set_input_casts
from burnish.train.weights.deepspeed import deepspeed_arguments
from burnish.train.weights.optimizer import learning_rate_share, make_optimizer
from burnish.train.weights.reference import refuse_adapted_output
from burnish.train.weights.sharded import shard

AnyTrained = TypeVar("AnyTrained", PretrainStage, SftStage, PreferenceStage, GrpoStage)
Adapted = TypeVar("Adapted", SftStage, PreferenceStage, GrpoStage)
Result = TypeVar("Result")

FREE = frozenset({"name", "log_every", "start_from", *CONTINUABLE})
"""Settings of a stage that checkpoints need not agree with; digests identify the weights of ``start_from``."""


@dataclass(frozen=True)
class TrainingJob(Generic[AnyTrained]):
    """Inputs and outputs of a training.

    Training continues from the last complete checkpoint in ``out/checkpoints``, if any, and runs to the end;
    checkpoints made from other data, settings or another base are removed with a message. It writes ``out/adapter``, or
    ``out/model`` when every weight was trained.

    Every ``run_*`` function raises:
        ConfigError: batch sizes that do not divide, module names the model does not have, a base that cannot be loaded.
        UserError: the loss or its gradient is not finite; names the rows, which ``out/bad_batch.json`` keeps.
        DeviceMemoryError: the accelerator is too small for one sequence, or in several processes for the micro batch;
            checkpoints are kept.
        KeyboardInterrupt: after Ctrl-C, with a checkpoint on disk.
    """

    base: Path | None
    """Folder of the model that is trained, or that carries the adapter; None for a new model (only in pretraining)."""
    model: ModelConfig
    """Dtype, device and quantisation; ``model.base`` is not read."""
    stage: AnyTrained
    """Settings; the micro batch must divide the effective batch."""
    out: Path
    """Folder of the stage."""
    seed: int
    """Seed of initial weights, dropout, the order of rows, and samples."""
    log: Log
    """Called every ``stage.log_every`` steps with loss, learning rate, gradient norm, epoch, the method's own
    numbers, and those of `train.watch.meter`."""
    start: Path | None = None
    """Adapter folder whose training continues; None for a fresh adapter."""
    launch: LaunchConfig = ALONE
    """Weights and states that each of several processes keeps."""
    callbacks: Sequence[TrainerCallback] = ()
    """Further callbacks of the trainer; see `watch_training`."""

    @property
    def checkpoints(self) -> Path:
        """Return the folder of the checkpoints."""
        return self.out / CHECKPOINTS

    @property
    def bad_batch(self) -> Path:
        """Return the file for the batch whose loss is not finite."""
        return self.out / BAD_BATCH

    @property
    def base_folder(self) -> Path:
        """Return ``base`` of a training that has one."""
        if self.base is None:
            raise ValueError(f"the training {self.stage.name} starts from no model")
        return self.base

    def load(self) -> LoadedModel:
        """Load the base, unchanged."""
        return load_model(self.base_folder, self.model)

    def settings(self, rows: int) -> dict[str, Any]:
        """Return the trainer's arguments common to all methods; ``rows`` are those of a pass, 0 for a stream."""
        return common_arguments(self.stage, rows=rows, out=self.checkpoints, seed=self.seed, processes=process_count())

    def fitting(self, attempt: Callable[[TrainingJob[AnyTrained]], Result]) -> tuple[Result, float]:
        """Return ``attempt(job)``, retried with a smaller micro batch while memory runs out, and its seconds."""
        started = time.monotonic()
        result = fit_micro_batch(self.stage, lambda stage: attempt(replace(self, stage=stage)))
        return result, time.monotonic() - started


@dataclass(frozen=True)
class TrainingResult:
    """Result of a training."""

    trained: Path
    """The adapter's folder, or the model's when every weight was trained."""
    steps: int
    """Optimiser steps of the result."""
    seconds: float
    """Wall time of this call."""
    trained_tokens: int = 0
    """Labelled tokens over all steps, repeats counted; 0 where the method counts none."""


def open_checkpoints(
    job: TrainingJob[Adapted],
    loaded: LoadedModel,
    dataset_digest: str,
    *,
    dataset: str = "rows",
    also: Mapping[str, Any] | None = None,
    free: Collection[str] = FREE,
) -> AdapterOrigin:
    """Remove checkpoints that this training cannot continue; return the origin of its result.

    Args:
        job: the training.
        loaded: its base.
        dataset_digest: of all rows or prompts.
        dataset: their name in messages.
        also: further facts that checkpoints must agree with, by their names in messages.
        free: settings of the stage that may differ.
    """
    quantization = job.model.quantization
    origin = AdapterOrigin(
        base_digest=model_digest(job.base_folder),
        template_digest=template_digest(loaded.tokenizer),
        dataset_digest=dataset_digest,
        quantization=None if quantization is None else quantization.kind,
    )
    made_with = {
        "base model": origin.base_digest,
        "chat template": origin.template_digest,
        dataset: dataset_digest,
        "dtype": job.model.dtype,
        "attention": attention_of(loaded.model),
        "quantization": None if quantization is None else quantization.model_dump(mode="json"),
        "seed": job.seed,
        **job.stage.model_dump(mode="json", exclude=set(free)),
        "start": None if job.start is None else digest_file(job.start / ADAPTER_WEIGHTS),
        **(also or {}),
    }
    drop_foreign_checkpoints(job.checkpoints, made_with)
    return origin


def trainer_parts(
    job: TrainingJob[Adapted],
    loaded: LoadedModel,
    settings: Mapping[str, Any],
    *,
    rows: int,
    kind: Any = TrainingArguments,
    read_past_adapter: str | None = None,
) -> dict[str, Any]:
    """Build ``model``, ``args`` and ``optimizers`` of the trainer.

    Args:
        job: the training.
        loaded: its base; becomes part of the model.
        settings: keyword arguments of ``kind``.
        rows: sequences of a pass, 0 for a stream.
        kind: class of the arguments.
        read_past_adapter: name of what reads the output layer without its adapter, so that it must have none.
    """
    stage, on_cpu = job.stage, loaded.device.type == "cpu"
    half = next(loaded.model.parameters()).dtype == torch.bfloat16
    arguments = placed(
        kind, {**settings, "bf16": half, **deepspeed_arguments(job.launch, on_cpu=on_cpu)}, on_cpu=on_cpu
    )
    set_seed(job.seed)
    trained = attach_adapter(loaded.model, stage.adapter)
    if half:
        # Autocast computes in bfloat16 anyway: PEFT's own cast to float32 before it costs a tenth of the step.
        set_input_casts(trained, on=False)
    if job.start is not None:
        continue_adapter(trained, job.start, stage.adapter.kind)
    if read_past_adapter is not None:
        refuse_adapted_output(trained, read_past_adapter)
    if job.launch.strategy == "fsdp2" and process_count() > 1:
        shard(trained, on_cpu=on_cpu)
    return {"model": trained, "args": arguments, "optimizers": optimizers(stage, trained, rows)}


def optimizers(
    stage: OptimizerConfig, model: Any, rows: int, *, betas: tuple[float, float] = (0.9, 0.999)
) -> tuple[torch.optim.Optimizer, LambdaLR]:
    """Build the optimiser of the trained weights and its learning-rate schedule."""
    optimizer = make_optimizer(model, stage, betas=betas)
    return optimizer, LambdaLR(optimizer, learning_rate_share(stage, planned_steps(stage, rows)))


def train(job: TrainingJob[AnyTrained], trainer: Any, save: Callable[[Any], None]) -> int:
    """Train to the end, and let the first process ``save`` the model; return the optimiser steps."""
    watch_training(trainer, name=job.stage.name, steps=trainer.args.max_steps, log=job.log, callbacks=job.callbacks)
    train_to_end(trainer, job.checkpoints, job.stage)
    return save_best(trainer, job.callbacks, save)


def train_adapter(
    job: TrainingJob[Adapted], trainer: Any, loaded: LoadedModel, origin: AdapterOrigin
) -> tuple[Path, int]:
    """Train to the end and write the result; return its folder and optimiser steps."""
    folder = job.out / (MODEL if job.stage.adapter.kind == "full" else ADAPTER)
    save = result_saver(loaded.tokenizer, folder, origin, base=job.base_folder)
    return folder, train(job, trainer, save)
