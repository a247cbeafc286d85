"""Load a base model with a disabled adapter and check that it equals the base model.

Evaluating "the base" through a model with an attached adapter can contaminate the baseline: remains of the adapter may
still act. So logits on a probe must equal those of the base loaded alone, to the last bit, and with the adapter on they
must differ; otherwise the check shows nothing.

Not covered: adapters that are switched on and off between requests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError
from burnish.model.base import LoadedModel, load_adapter, load_model
from burnish.model.chat_template import render

PROBES = ("Write a Rust function that returns the sum of a slice.", "yes or no?")


def load_with_adapter_off(base: Path, adapter: Path, config: ModelConfig) -> LoadedModel:
    """Load ``base`` with ``adapter`` and disable the adapter; the digest is the base's.

    Raises:
        ConfigError: as `model.base.load_adapter`; or the adapter changes no logits, or the model without it is not the
            base model.
    """
    alone = load_model(base, config)
    expected = _logits(alone)
    digest = alone.digest
    del alone
    loaded = load_adapter(base, adapter, config)
    with_adapter = _logits(loaded)
    model: Any = loaded.model
    model.base_model.disable_adapter_layers()
    logits = _logits(loaded)
    if all(torch.equal(a, b) for a, b in zip(with_adapter, expected, strict=True)):
        raise ConfigError(
            f"the adapter {adapter} changes no logits of {base}, so it cannot be checked that it is off.",
            "It was never trained: use another adapter, or evaluate the base alone.",
        )
    difference = max(float((a - b).abs().max()) for a, b in zip(logits, expected, strict=True))
    if difference != 0.0:
        raise ConfigError(
            f"with the adapter {adapter} off, logits differ from those of {base} by up to {difference:.3g}.",
            "Evaluate the base alone, without adapter_off: this kind of adapter changes the base's weights.",
        )
    return LoadedModel(model, loaded.tokenizer, loaded.device, digest)


def _logits(loaded: LoadedModel) -> list[torch.Tensor]:
    tokenizer: Any = loaded.tokenizer
    model: Any = loaded.model
    logits = []
    for probe in PROBES:
        text = render([{"role": "user", "content": probe}], tokenizer, generation_prompt=True)
        ids_BT = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]], device=loaded.device)
        with torch.inference_mode():
            logits.append(model(input_ids=ids_BT).logits.float().cpu())
    return logits
