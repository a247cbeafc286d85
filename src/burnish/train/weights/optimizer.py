"""Build the optimiser of a training stage over its trainable weights, and the learning rate over steps.

Not covered: 8-bit and paged optimisers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from burnish.config.stages.optimizer import OptimizerConfig

EXTRA_SHARE = 0.1
"""Share of the peak in steps after the planned ones; constant, so that extending twice equals extending once."""


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


class MuonWithAdamW(torch.optim.Optimizer):
    """Present Muon on the hidden matrices and AdamW on the rest as one optimiser, for schedules and checkpoints.

    Embeddings, norms and biases take AdamW: Muon orthogonalises the update of a matrix and suits no other shape
    (Jordan et al. 2024; torch.optim.Muon).
    """

    def __init__(
        self, model: nn.Module, *, matrix_learning_rate: float, learning_rate: float, weight_decay: float
    ) -> None:
        matrices: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            is_hidden_matrix = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
            (matrices if is_hidden_matrix else rest).append(parameter)
        self.parts: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(matrices, lr=matrix_learning_rate, weight_decay=weight_decay),
            torch.optim.AdamW(rest, lr=learning_rate, weight_decay=weight_decay, betas=(0.9, 0.95)),
        )
        super().__init__(self._parameters(), {})
        self._share_groups()

    def _parameters(self) -> Iterable[nn.Parameter]:
        return (parameter for part in self.parts for group in part.param_groups for parameter in group["params"])

    def _share_groups(self) -> None:
        # A schedule writes the learning rate into these dictionaries, so they must be shared, not copied.
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Step both parts; a closure is not supported."""
        if closure is not None:
            raise ValueError("MuonWithAdamW takes no closure")
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of both parts."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share_groups()


def learning_rate_share(config: OptimizerConfig, max_steps: int) -> Callable[[int], float]:
    """Return a function from step (0-based) to a share in 0..1 of the peak learning rate: a linear warm-up, then the
    chosen shape.

    ``max_steps`` are the planned ones. Steps after them (``extra_steps``) do not change earlier ones.
    """
    warmup = math.ceil(config.warmup_share * max_steps)

    def share(step: int) -> float:
        if step >= max_steps:
            return 1.0 if config.schedule == "constant" else EXTRA_SHARE
        if step < warmup:
            return (step + 1) / (warmup + 1)
        left = max(0.0, (max_steps - step) / max(1, max_steps - warmup))
        match config.schedule:
            case "linear":
                return left
            case "cosine":
                return 0.5 * (1 - math.cos(math.pi * left))
            case "wsd":
                return min(1.0, 2 * left)
            case "constant":
                return 1.0

    return share
