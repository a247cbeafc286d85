"""Build the optimiser of a training stage over its trainable weights.

Not covered: schedules (`train.weights.schedule`), 8-bit and paged optimisers.
"""

from __future__ import annotations

import torch
from torch import nn

from burnish.config.stages.optimizer import OptimizerConfig
from burnish.train.weights.muon import MuonWithAdamW


def make_optimizer(
    model: nn.Module, config: OptimizerConfig, *, betas: tuple[float, float] = (0.9, 0.999)
) -> torch.optim.Optimizer:
    """Build AdamW with ``betas`` on every free weight, or Muon on the hidden matrices and AdamW on the rest."""
    if config.optimizer == "muon":
        return MuonWithAdamW(
            model,
            matrix_learning_rate=config.matrix_learning_rate,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
        )
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(free, lr=config.learning_rate, weight_decay=config.weight_decay, betas=betas)
