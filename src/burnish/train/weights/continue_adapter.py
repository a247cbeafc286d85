"""Continue training an existing adapter under settings of the same adapter.

Not covered: whether it was trained on this base (the caller checks).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peft import PeftConfig, set_peft_model_state_dict
from safetensors.torch import load_file

from burnish.errors import ConfigError
from burnish.records.layout import ADAPTER_WEIGHTS

SHAPE = ("peft_type", "r", "lora_alpha", "use_rslora", "use_dora", "target_modules", "modules_to_save")
"""Settings of an adapter that determine the meaning of its weights."""


def continue_adapter(model: Any, folder: Path, kind: str) -> None:
    """Put the weights in ``folder`` into the fresh adapter of a PEFT model.

    ``kind`` is the stage's. PiSSA cannot continue from weights, since it subtracts its initial product from the base.

    Raises ConfigError when the two adapters are not of the same kind and shape.
    """
    if not hasattr(model, "peft_config") or kind == "pissa":
        raise ConfigError(
            f"an adapter cannot be continued as {kind}.",
            "Set previous_adapter to merge, or say its own kind.",
        )
    fresh, stored = model.peft_config["default"], PeftConfig.from_pretrained(str(folder))
    for key in SHAPE:
        fresh_value, stored_value = _plain(getattr(fresh, key, None)), _plain(getattr(stored, key, None))
        if fresh_value != stored_value:
            raise ConfigError(
                f"the adapter {folder} has {key} {stored_value}, and the stage trains one with {fresh_value}.",
                "Say the same adapter in the stage, or set previous_adapter to merge.",
            )
    result: Any = set_peft_model_state_dict(model, load_file(folder / ADAPTER_WEIGHTS))
    if result.unexpected_keys:
        raise ConfigError(
            f"the adapter {folder} has weights for {result.unexpected_keys[0]}, which the model does not have.",
            "Start from an adapter of this base model.",
        )


def _plain(value: Any) -> Any:
    if isinstance(value, set | list | tuple):
        return sorted(value) or None
    return getattr(value, "value", value)
