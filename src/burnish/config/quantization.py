"""Configure the quantisation of a frozen base in memory, for adapters and for answering.

Not covered: quantising a finished model into files; which adapters work with which kind
(`config.compatibility`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from burnish.config.base import Config


class FourBit(Config):
    """Settings of the 4-bit kinds of bitsandbytes (QLoRA, Dettmers et al. 2023); quantised while loading."""

    double_quant: bool = True
    """Quantise the block scales too: 0.37 bits per weight less."""
    compute_dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type that weights are expanded to for each product; ``auto`` is ``model.dtype``."""


class Nf4Config(FourBit):
    """4-bit NormalFloat: levels at the quantiles of a normal distribution."""

    kind: Literal["nf4"] = "nf4"


class Fp4Config(FourBit):
    """4-bit floating point."""

    kind: Literal["fp4"] = "fp4"


class Int8Config(Config):
    """LLM.int8 of bitsandbytes: 8-bit rows, and 16 bits for the few input columns with outliers."""

    kind: Literal["int8"] = "int8"


class HqqConfig(Config):
    """Half-quadratic quantisation (Badri and Shaji 2023), done while loading, without calibration data."""

    kind: Literal["hqq"] = "hqq"
    bits: Literal[8, 4, 3, 2] = 4
    """Bits per weight."""
    group_size: int = Field(64, ge=8, multiple_of=8)
    """Weights per scale and zero point; must divide every layer's number of inputs."""


class GptqConfig(Config):
    """A base folder that GPTQ has quantised, in the compressed-tensors format; expanded while loading."""

    kind: Literal["gptq"] = "gptq"


class AwqConfig(Config):
    """A base folder that AWQ has quantised, in the compressed-tensors format; expanded while loading."""

    kind: Literal["awq"] = "awq"


QuantizationConfig = Annotated[
    Nf4Config | Fp4Config | Int8Config | HqqConfig | GptqConfig | AwqConfig, Field(discriminator="kind")
]
