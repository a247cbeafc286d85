"""Configure attention and the trade-offs of training speed, memory and repeatability.

Not covered: precision of the weights (`config.model`), quantisation (`config.quantization`).
"""

from __future__ import annotations

from typing import Literal

from burnish.config.base import Config

Attention = Literal[
    "auto", "sdpa", "flash_attention_2", "kernels-community/flash-attn2", "flex_attention", "eager"
]  # fmt: skip


class KernelsConfig(Config):
    """Trade-offs of a training; results differ only by rounding."""

    gradient_checkpointing: bool = False
    """Keep only the inputs of layers and recompute the rest in the backward pass: a fraction of the memory, about a
    third more time."""
    liger: bool = False
    """Fused kernels for norms, rotary positions and feed-forward layers; need CUDA and ``burnish[kernels]``."""
    tf32: bool = True
    """Use TF32: float32 products on Ampere or newer GPUs round their inputs to 10 bits of mantissa; no effect
    elsewhere."""
    deterministic: bool = False
    """Use only deterministic algorithms; an operation without one is an error. Slower on a GPU."""
