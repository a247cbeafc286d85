"""Count the processes that a training will have, without loading torch where it has nothing to tell.

Not covered: starting them (`scale.launch`).
"""

from __future__ import annotations

from burnish.config.launch import LaunchConfig
from burnish.ledger.accelerators import cuda_missing


def planned_processes(config: LaunchConfig, device: str) -> int:
    """Count the processes that ``config`` asks for, over all nodes, for ``model.device``."""
    if config.processes != "auto":
        return config.processes * config.nodes
    return max(1, _visible(device)) * config.nodes


def _visible(device: str) -> int:
    if device == "cpu" or cuda_missing() is not None:
        return 0
    import torch

    return torch.cuda.device_count()
