"""Translate a stage's ``kernels`` for the trainer: checkpointing, Liger, TF32, deterministic algorithms.

Not covered: attention (`model.attention`).
"""

from __future__ import annotations

import os
from typing import Any

import torch
from transformers import TrainerCallback

from burnish.config.kernels import KernelsConfig
from burnish.errors import ConfigError
from burnish.model.machine import check_kernels

LIGER_KERNELS = {"fused_linear_cross_entropy": False, "cross_entropy": False}
"""Liger's losses have no weight per row, and ours already skips unlabelled tokens: only norms, rotary positions and
SwiGLU are used."""


def kernel_arguments(kernels: KernelsConfig) -> dict[str, Any]:
    """Return keyword arguments for ``TrainingArguments``.

    Raises:
        ConfigError: Liger without a CUDA device.
        MissingToolError: Liger is not installed.
    """
    arguments: dict[str, Any] = {"gradient_checkpointing": kernels.gradient_checkpointing}
    if kernels.gradient_checkpointing:
        # The reentrant variant needs inputs with gradients, which frozen embeddings do not have.
        arguments["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
    check_kernels(kernels, "auto")
    if kernels.liger:
        if not torch.cuda.is_available():
            raise ConfigError(
                "kernels.liger is on, and torch finds no CUDA device.", "Set kernels.liger to false on this machine."
            )
        arguments |= {"use_liger_kernel": True, "liger_kernel_config": LIGER_KERNELS}
    if torch.cuda.is_available() and torch.cuda.get_device_capability()[0] >= 8:
        arguments["tf32"] = kernels.tf32
    if kernels.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it before its first product
    return arguments


class Deterministic(TrainerCallback):
    """Turn on deterministic algorithms while a stage trains, if ``kernels.deterministic`` is set.

    They are turned off afterwards: generation needs operations without a deterministic form on a GPU.
    """

    def __init__(self, kernels: KernelsConfig) -> None:
        self._wanted = kernels.deterministic
        self._before = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Turn them on."""
        self._before = torch.are_deterministic_algorithms_enabled()
        if self._wanted:
            torch.use_deterministic_algorithms(True)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Restore the earlier setting."""
        torch.use_deterministic_algorithms(self._before)
