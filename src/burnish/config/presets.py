"""Define model shapes to pretrain, by name, and count their parameters.

All are Llama-shaped: rotary positions, RMS norms, SwiGLU, as many key-value heads as heads. Not covered: their quality,
and the cost of training them.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from burnish.config.base import Config

Preset = Literal["nano-1M", "nano-5M", "nano-25M", "nano-125M", "d20"]


class ModelShape(Config):
    """Set the shape of a new model."""

    vocabulary: int = Field(1024, ge=300)
    """Largest vocabulary of the byte-level BPE tokenizer; token bins have their own."""
    hidden_size: int = Field(128, ge=8)
    layers: int = Field(4, ge=1)
    heads: int = Field(4, ge=1)
    intermediate_size: int = Field(384, ge=8)
    block_size: int = Field(256, ge=16)
    """Tokens per packed training sequence; the model's context is twice that."""
    tie_embeddings: bool = True
    """Input and output embeddings share their matrix."""


PRESETS: dict[Preset, ModelShape] = {
    "nano-1M": ModelShape(layers=5),
    "nano-5M": ModelShape(
        vocabulary=4096, hidden_size=256, layers=5, heads=4, intermediate_size=704, block_size=512
    ),
    "nano-25M": ModelShape(
        vocabulary=8192, hidden_size=512, layers=6, heads=8, intermediate_size=1536, block_size=1024
    ),
    "nano-125M": ModelShape(
        vocabulary=32768, hidden_size=768, layers=14, heads=12, intermediate_size=2048, block_size=2048
    ),
    # Depth, width and heads of nanochat's d20; its feed-forward has two matrices, ours three.
    "d20": ModelShape(
        vocabulary=65536, hidden_size=1280, layers=20, heads=10, intermediate_size=3456, block_size=2048,
        tie_embeddings=False,
    ),
}  # fmt: skip
assert set(PRESETS) == set(get_args(Preset))


def parameter_count(shape: ModelShape) -> int:
    """Count the parameters of a shape: embeddings, attention (4 d^2), feed-forward (3 d f), norms."""
    width = shape.hidden_size
    layer = 4 * width**2 + 3 * width * shape.intermediate_size + 2 * width
    embeddings = shape.vocabulary * width * (1 if shape.tie_embeddings else 2)
    return shape.layers * layer + embeddings + width
