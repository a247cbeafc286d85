"""Where curves go beside ``metrics.jsonl``: TensorBoard, and the services that transformers has callbacks for.

Not covered: logging in to a service (its own tool or environment does that); what a service sends over the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.integrations import integration_utils

from burnish.config.stages.training_evaluation import Reporter

TENSORBOARD = "tensorboard"
"""Name of the folder of its files in the stage's folder."""


def reporters(names: Sequence[Reporter], folder: Path) -> list[TrainerCallback]:
    """Callbacks that hand every row of the log on; ``folder`` is the stage's. Their packages must be installed."""
    made: list[TrainerCallback] = []
    for name in names:
        kinds: Any = integration_utils
        callback: Any = kinds.INTEGRATION_TO_CALLBACK[name]()
        if name == TENSORBOARD:
            callback.logging_dir = str(folder / TENSORBOARD)
        made.append(callback)
    return made
