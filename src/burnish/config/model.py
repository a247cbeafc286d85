"""Which model, in which precision, on which device."""

from __future__ import annotations

from typing import Literal

from burnish.config.base import Config
from burnish.config.compatibility import Base
from burnish.config.kernels import Attention
from burnish.config.quantization import QuantizationConfig


class ModelConfig(Config):
    """The base model of a run."""

    base: str = "nano"
    """``nano`` for the model inside the package, or a folder that transformers can load; where a model only answers
    also a GGUF file."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Weights in memory; ``auto`` is bfloat16 on an accelerator and float32 on a CPU."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """``auto`` takes the accelerator when there is one."""
    attention: Attention = "auto"
    """``auto`` takes the best that is installed and works here, and says which; it never changes under way."""
    quantization: QuantizationConfig | None = None
    """Keep the weights of linear layers below 16 bits wherever the model is loaded to train an adapter or to answer."""

    @property
    def base_kind(self) -> Base:
        """What the table of combinations calls the base."""
        return "none" if self.quantization is None else self.quantization.kind
