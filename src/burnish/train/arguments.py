"""Set the trainer's arguments of every method, including those with silent defaults."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from burnish.config.stages.batches import accumulation_steps
from burnish.config.stages.optimizer import OptimizerConfig
from burnish.scale.processes import process_count
from burnish.train.weights.deepspeed import check_agreement
from burnish.train.weights.kernels import kernel_arguments


def planned_steps(config: OptimizerConfig, rows: int) -> int:
    """Return the planned optimiser steps of the training, without the extra ones."""
    if config.max_steps is not None:
        return config.max_steps
    return max(1, math.ceil(config.epochs * math.ceil(rows / config.effective_batch)))


def optimizer_steps(config: OptimizerConfig, rows: int) -> int:
    """Return the optimiser steps of the whole training."""
    extra_passes = math.ceil(config.extra_epochs * math.ceil(rows / config.effective_batch))
    return planned_steps(config, rows) + config.extra_steps + extra_passes


def common_arguments(config: OptimizerConfig, *, rows: int, out: Path, seed: int, processes: int = 1) -> dict[str, Any]:
    """Return keyword arguments for ``TrainingArguments`` and TRL's configurations.

    Raises ConfigError when the processes cannot share the effective batch in whole micro batches.
    """
    return {
        "output_dir": str(out),
        "per_device_train_batch_size": config.micro_batch,
        "gradient_accumulation_steps": accumulation_steps(config, processes),
        "max_steps": optimizer_steps(config, rows),
        "learning_rate": config.learning_rate,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "logging_strategy": "steps",
        "logging_nan_inf_filter": False,
        "logging_steps": config.log_every,
        "save_strategy": "steps",
        "save_steps": config.save_every,
        "save_total_limit": 2,
        "seed": seed,
        "data_seed": seed,
        "bf16": False,
        "fp16": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
        "include_num_input_tokens_seen": "non_padding",
        "report_to": [],
        "disable_tqdm": True,
    } | kernel_arguments(config.kernels)


def placed(kind: Any, settings: dict[str, Any], *, on_cpu: bool) -> Any:
    """Build arguments of the class ``kind`` for this device and for all training processes."""
    if process_count() > 1:
        settings = settings | {"ddp_find_unused_parameters": False} | ({"ddp_backend": "gloo"} if on_cpu else {})
    arguments = kind(**settings, use_cpu=on_cpu)
    check_agreement(arguments)
    if on_cpu:
        # Several processes get "cpu:0", under which torch cannot load the optimiser of a checkpoint.
        arguments.__dict__["_setup_devices"] = torch.device("cpu")
    arguments._n_gpu = min(1, arguments.n_gpu)  # several visible GPUs would silently become DataParallel
    return arguments
