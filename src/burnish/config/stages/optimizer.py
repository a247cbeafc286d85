"""Configure the optimiser settings that pretraining and fine-tuning share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.config.base import Config
from burnish.config.kernels import KernelsConfig

CONTINUABLE = ("micro_batch", "extra_steps", "extra_epochs", "save_every", "rounds")
"""Settings of a training stage that may change without restarting it."""


class OptimizerConfig(Config):
    """Settings that all training methods share."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """``adamw`` is AdamW on everything; ``muon``, where every weight is trained, is torch's Muon on the hidden matrices
    and AdamW on the rest."""
    learning_rate: float = Field(1e-4, ge=0)
    """Peak learning rate of AdamW."""
    matrix_learning_rate: float = Field(0.02, ge=0)
    """Peak learning rate of Muon on the hidden matrices; embeddings and norms take ``learning_rate`` with AdamW."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled weight decay."""
    warmup_share: float = Field(0.03, ge=0, lt=1)
    """Share of all steps spent warming up linearly."""
    schedule: Literal["linear", "cosine", "constant", "wsd"] = "linear"
    """Schedule after warm-up; ``wsd`` stays constant and decays linearly over the last half."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Largest gradient norm; larger gradients are clipped."""
    effective_batch: int = Field(32, ge=1)
    """Sequences per optimiser step, over all processes and accumulation."""
    micro_batch: int = Field(32, ge=1)
    """Sequences per forward pass in one process; times the processes it must divide ``effective_batch``. When not set,
    sft, preference and pretrain stages use the largest divisor up to the default."""
    max_steps: int | None = Field(None, ge=1)
    """Optimiser steps; None trains ``epochs``."""
    epochs: float = Field(1.0, gt=0)
    """Passes over the data when ``max_steps`` is None."""
    extra_steps: int = Field(0, ge=0)
    """Optimiser steps after those of ``max_steps`` or ``epochs``. The schedule of the planned steps does not change;
    extra steps run at a tenth of ``learning_rate``, or at all of it with ``schedule: constant``."""
    extra_epochs: float = Field(0.0, ge=0)
    """Passes over the data to add; adds up with ``extra_steps``."""
    save_every: int = Field(100, ge=1)
    """Optimiser steps between checkpoints."""
    log_every: int = Field(10, ge=1)
    """Optimiser steps between rows of metrics."""
    kernels: KernelsConfig = KernelsConfig()
    """Trade-offs of speed, memory and repeatability."""
