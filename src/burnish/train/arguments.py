"""The trainer's arguments that every method shares; what transformers or TRL would choose silently is said here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from burnish.config.train import OptimizerConfig
from burnish.errors import ConfigError
from burnish.train.kernels import kernel_arguments


def optimizer_steps(config: OptimizerConfig, rows: int) -> int:
    """Optimiser steps of the whole training."""
    if config.max_steps is not None:
        return config.max_steps
    return max(1, math.ceil(config.epochs * math.ceil(rows / config.effective_batch)))


def common_arguments(config: OptimizerConfig, *, rows: int, out: Path, seed: int) -> dict[str, Any]:
    """Keyword arguments for ``TrainingArguments`` and TRL's configurations.

    Raises ConfigError when the micro batch does not divide the effective batch.
    """
    if config.effective_batch % config.micro_batch:
        raise ConfigError(
            f"micro_batch {config.micro_batch} does not divide effective_batch {config.effective_batch}.",
            "Choose numbers where accumulation is whole: effective_batch = micro_batch x accumulation.",
        )
    return {
        "output_dir": str(out),
        "per_device_train_batch_size": config.micro_batch,
        "gradient_accumulation_steps": config.effective_batch // config.micro_batch,
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
