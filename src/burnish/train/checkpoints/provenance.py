"""Record what a training depends on: the origin beside its result, and the facts that checkpoints must agree with.

Not covered: checkpoints that do not agree (`train.checkpoints.stale`).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.config.stages.kinds.preference import PreferenceStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.optimizer import CONTINUABLE
from burnish.fsio import digest_file
from burnish.model.adapters import AdapterOrigin
from burnish.model.attention import attention_of
from burnish.model.base import LoadedModel, model_digest
from burnish.model.chat_template import template_digest
from burnish.records.layout import ADAPTER_WEIGHTS

FREE = frozenset({"name", "log_every", "start_from", *CONTINUABLE})
"""Settings of a stage that checkpoints need not agree with; digests identify the weights of ``start_from``."""


def origin_of(base: Path, model: ModelConfig, loaded: LoadedModel, dataset_digest: str) -> AdapterOrigin:
    """Return the origin of a training on ``base``, which was loaded with the settings of ``model``."""
    return AdapterOrigin(
        base_digest=model_digest(base),
        template_digest=template_digest(loaded.tokenizer),
        dataset_digest=dataset_digest,
        quantization=None if model.quantization is None else model.quantization.kind,
    )


def made_with(
    origin: AdapterOrigin,
    model: ModelConfig,
    loaded: LoadedModel,
    stage: SftStage | PreferenceStage | GrpoStage,
    seed: int,
    *,
    dataset: str = "rows",
    free: Collection[str] = FREE,
) -> dict[str, Any]:
    """Return the facts that must be equal for a checkpoint to continue.

    Args:
        origin: as `origin_of` gives it.
        model: dtype and quantisation.
        loaded: the base.
        stage: settings.
        seed: of the training.
        dataset: name of the data in messages.
        free: settings that may differ.
    """
    return {
        "base model": origin.base_digest,
        "chat template": origin.template_digest,
        dataset: origin.dataset_digest,
        "dtype": model.dtype,
        "attention": attention_of(loaded.model),
        "quantization": None if model.quantization is None else model.quantization.model_dump(mode="json"),
        "seed": seed,
        **stage.model_dump(mode="json", exclude=set(free)),
    }


def start_digest(start: Path | None) -> str | None:
    """Return the SHA-256 of the adapter whose training continues, if any."""
    return None if start is None else digest_file(start / ADAPTER_WEIGHTS)
