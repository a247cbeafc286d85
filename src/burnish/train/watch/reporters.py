"""Send curves to TensorBoard and to the services that transformers has callbacks for, beside ``metrics.jsonl``.

Not covered: logging in to a service (its own tool or environment does that), its network traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.integrations import integration_utils

from burnish.config.stages.training_evaluation import Reporter

TENSORBOARD = "tensorboard"
"""Name of its folder in the stage's folder."""


def reporters(names: Sequence[Reporter], folder: Path) -> list[TrainerCallback]:
    """Build callbacks that forward every row of the log; ``folder`` is the stage's. Their packages must be
    installed."""
    made: list[TrainerCallback] = []
    for name in names:
        kinds: Any = integration_utils
        callback: Any = kinds.INTEGRATION_TO_CALLBACK[name]()
        if name == TENSORBOARD:
            callback.logging_dir = str(folder / TENSORBOARD)
        made.append(callback)
    return made
