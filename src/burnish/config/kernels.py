"""How a model computes: which attention, and what training may trade for speed, memory or repeatability.

Not covered: precision of the weights (`config.model`), quantisation (`config.quantization`).
"""

from __future__ import annotations

from typing import Literal

from burnish.config.base import Config

Attention = Literal[
    "auto", "sdpa", "flash_attention_2", "kernels-community/flash-attn2", "flex_attention", "eager"
]  # fmt: skip


class KernelsConfig(Config):
    """What a training may trade; results differ by rounding alone."""

    gradient_checkpointing: bool = False
    """Keep the inputs of layers only, and compute the rest again on the way back: a fraction of the memory, about a
    third more time."""
    liger: bool = False
    """Fused kernels for norms, rotary positions and feed-forward layers; need CUDA and ``burnish[kernels]``."""
    tf32: bool = True
    """Float32 products on an Ampere or newer GPU round their inputs to 10 bits of mantissa; nothing elsewhere."""
    deterministic: bool = False
    """Only algorithms that give the same bits every time; an operation that has none is an error. Slower on a GPU."""
