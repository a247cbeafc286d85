"""Choose the trained weights: all of them, or an adapter next to frozen ones.

A union keyed by ``kind``.

Not covered: which of them works with which base, method and export (`config.compatibility`).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from burnish.config.base import LISTED, Config, as_list

NAMED_TARGETS = ("all-linear", "qv", "fn")
"""Targets that stand for module names of the model's architecture."""


def _split_targets(value: Any) -> Any:
    """Split ``a;b``, ``[a, "b;c"]`` and ``[a, b, c]`` into a tuple of trimmed, non-empty names."""
    if isinstance(value, str) and value in NAMED_TARGETS:
        return value
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return value
    names = tuple(name.strip() for item in value for name in item.split(";") if name.strip())
    if not names:
        raise ValueError(f"contains no module; write module names, or one of {', '.join(NAMED_TARGETS)}")
    torn = next((name for name in names if re.search(r"[,\s]", name)), None)
    if torn is not None:
        raise ValueError(f"{torn!r} is no name of a module; write a list: {as_list(torn)}")
    if any(name in NAMED_TARGETS for name in names):
        raise ValueError(f"{', '.join(NAMED_TARGETS)} must be alone, not in a list")
    return names


TargetModules = Annotated[Literal["all-linear", "qv", "fn"] | tuple[str, ...], BeforeValidator(_split_targets)]


class FullWeights(Config):
    """Train every weight in float32, without an adapter; the stage writes a whole model."""

    kind: Literal["full"] = "full"


class LowRank(Config):
    """Settings of the LoRA family (Hu et al. 2021): a weight's update is a scale times B A."""

    r: int = Field(16, ge=1)
    """Rank."""
    alpha: int = Field(32, ge=1)
    """Scale numerator."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout on the adapter's input."""
    target_modules: TargetModules = "all-linear"
    """``all-linear``, ``qv`` (queries and values), ``fn`` (feed-forward), module names, or ``a;b`` in one text."""
    modules_to_save: Annotated[tuple[str, ...], LISTED] = ()
    """Modules to train whole beside the adapter, such as ``embed_tokens``; tied embeddings stay tied."""


class LoraConfig(LowRank):
    """LoRA: the scale is ``alpha / r``."""

    kind: Literal["lora"] = "lora"


class RsLoraConfig(LowRank):
    """Rank-stabilised LoRA (Kalajdzievski 2023): the scale is ``alpha / sqrt(r)``, so large ranks learn."""

    kind: Literal["rslora"] = "rslora"


class DoraConfig(LowRank):
    """DoRA (Liu et al. 2024): LoRA on each weight's direction, and a trained magnitude per output."""

    kind: Literal["dora"] = "dora"


class PissaConfig(LowRank):
    """PiSSA (Meng et al. 2024): A and B start as the weight's principal singular vectors.

    Stored as plain LoRA of twice the rank on the unchanged base: any LoRA loader reads it.
    """

    kind: Literal["pissa"] = "pissa"
    svd_iterations: int | None = Field(16, ge=1)
    """Subspace iterations of a fast approximate decomposition; null uses the exact one, slow for large models."""


class VeraConfig(Config):
    """VeRA (Kopiczko et al. 2024): frozen random projections for all layers; two trained vectors per layer."""

    kind: Literal["vera"] = "vera"
    r: int = Field(256, ge=1)
    """Rank of the shared projections; much larger than LoRA's, because almost nothing is trained per rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout on the adapter's input."""
    d_initial: float = Field(0.1, gt=0)
    """First value of the trained vector between the projections."""
    target_modules: TargetModules = "all-linear"
    """As for LoRA."""


AdapterConfig = Annotated[
    LoraConfig | RsLoraConfig | DoraConfig | PissaConfig | VeraConfig | FullWeights, Field(discriminator="kind")
]
