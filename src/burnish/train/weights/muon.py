"""Combine Muon on the hidden matrices with AdamW on the rest, as one optimiser (Jordan et al. 2024; torch.optim.Muon).

Embeddings, norms and biases take AdamW: Muon orthogonalises the update of a matrix and suits no other shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


class MuonWithAdamW(torch.optim.Optimizer):
    """Present two optimisers as one, for schedules, clipping and checkpoints."""

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
