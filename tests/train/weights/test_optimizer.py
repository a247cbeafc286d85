"""A stage's optimiser holds the weights that are free, in the parts that it names."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from burnish.config.stages.optimizer import OptimizerConfig
from burnish.config.stages.recipe import Recipe
from burnish.train.weights.optimizer import MuonWithAdamW, make_optimizer


def _model() -> nn.Module:
    return nn.ModuleDict({"embed": nn.Embedding(8, 4), "hidden": nn.Linear(4, 4), "norm": nn.LayerNorm(4)})


def test_adamw_takes_the_free_weights_alone() -> None:
    model = _model()
    model["embed"].requires_grad_(False)  # type: ignore[index]
    optimizer = make_optimizer(model, OptimizerConfig(learning_rate=0.5), betas=(0.8, 0.9))
    assert isinstance(optimizer, torch.optim.AdamW)
    (group,) = optimizer.param_groups
    assert (len(group["params"]), group["lr"], group["betas"]) == (4, 0.5, (0.8, 0.9))


def test_muon_has_a_rate_of_its_own() -> None:
    config = OptimizerConfig(optimizer="muon", learning_rate=0.5, matrix_learning_rate=0.25)
    optimizer = make_optimizer(_model(), config)
    assert isinstance(optimizer, MuonWithAdamW)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.5]


@pytest.mark.parametrize("kind", ["sft", "grpo", "expert_iteration"])
def test_muon_is_refused_for_adapters(kind: str) -> None:
    stages = [{"kind": "tasks", "name": "tasks"}, {"kind": kind, "name": "one", "optimizer": "muon"}]
    with pytest.raises(ValueError, match=r"stage 'one': muon is for whole matrices: set adapter\.kind to full"):
        Recipe.model_validate({"name": "x", "stages": stages})
    stages[1]["adapter"] = {"kind": "full"}  # type: ignore[assignment]
    Recipe.model_validate({"name": "x", "stages": stages})
