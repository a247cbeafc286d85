"""Decide in which precision a model computes when ``model.dtype`` is auto.

An accelerator computes in bfloat16. So does a processor with bfloat16 products of its own (AMX or AVX512_BF16), for
models wide enough to gain by them: on a Xeon with AMX a LoRA step of SmolLM2-135M, 576 wide, takes 0.6 of the time in
float32, and one of the embedded model, 128 wide, nine tenths (docs/LOG.md). The rule looks at processor and width
alone, so that a run that is resumed on the same kind of machine computes the same.

Not covered: float16, and processors of other makers, which compute in float32.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import torch

from burnish.config.model import ModelConfig

logger = logging.getLogger(__name__)

WIDE = 256
"""Hidden size from which bfloat16 pays on a processor that has it."""


def resolve_dtype(config: ModelConfig, device: torch.device, width: int | None = None) -> torch.dtype:
    """Choose the dtype of weights in memory: as set, otherwise bfloat16 where it is faster, and float32 elsewhere.

    Args:
        config: its ``dtype`` decides unless it is auto.
        device: where the model computes.
        width: hidden size of the model; None where it is unknown, which counts as narrow.
    """
    if config.dtype != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[config.dtype]
    if device.type == "cuda":
        return torch.bfloat16
    if width is None or width < WIDE or not has_bfloat16_products():
        return torch.float32
    _tell_once(width)
    return torch.bfloat16


def width_of(config: Any) -> int | None:
    """Hidden size in a configuration of transformers; None where it has none of its own."""
    width = getattr(config.get_text_config(), "hidden_size", None)
    return width if isinstance(width, int) else None


@functools.cache
def has_bfloat16_products() -> bool:
    """Return whether this processor multiplies bfloat16 itself."""
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


@functools.cache
def _tell_once(width: int) -> None:
    logger.info("precision: bfloat16 (this processor multiplies it faster, and the model is %d wide)", width)
