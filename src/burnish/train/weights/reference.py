"""Turn off extras of TRL's trainers, and handle their frozen copy of an adapter.

Shared by preference tuning and GRPO. Not covered: a reference that is a whole model.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer

from burnish.errors import ConfigError

REFERENCE = "ref"
"""TRL's name of the frozen copy of the adapter."""


@contextmanager
def kept_as_it_is(model: Any) -> Iterator[None]:
    """Keep the adapter's copy plain and the trained weights' dtype while TRL makes a trainer of ``model``.

    An initialisation of the copy would change the base.
    """
    config: Any = model.peft_config["default"] if isinstance(model, PeftModel) else None
    start = getattr(config, "init_lora_weights", None)
    free = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    before = {name: weight.data for name, weight in free.items()}
    try:
        if start is not None:
            config.init_lora_weights = True
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config` attribute", UserWarning)
            yield
    finally:
        if start is not None:
            config.init_lora_weights = start
    for name, weight in free.items():
        weight.data = before[name]  # TRL casts them to bfloat16 on a quantised base, which loses small updates


def refuse_adapted_output(model: Any, reader: str) -> None:
    """Raise ConfigError for an adapter on the output layer, which ``reader`` reads without it."""
    if isinstance(model, PeftModel) and isinstance(model.get_output_embeddings(), BaseTunerLayer):
        raise ConfigError(
            f"adapter.target_modules names the output layer, which {reader} past the adapter.",
            "Remove lm_head from target_modules.",
        )


class NoTrlExtras:
    """Mixin of a TRL trainer: no telemetry, no model cards, no reference on disk."""

    def _send_telemetry(self) -> None:
        """Send nothing."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write no model card into checkpoints."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Save without the reference: the trainer would load it alone, and continue from a fresh adapter."""
        super()._save(output_dir, state_dict)  # type: ignore[misc]
        shutil.rmtree(Path(output_dir or self.args.output_dir) / REFERENCE, ignore_errors=True)  # type: ignore[attr-defined]
