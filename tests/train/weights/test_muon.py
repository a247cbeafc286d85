"""The joined optimiser sorts parameters rightly, follows a schedule and restores its state."""

from __future__ import annotations

import copy

import torch
from torch import nn

from burnish.train.weights.optimizer import MuonWithAdamW


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict({"embed": nn.Embedding(8, 4), "hidden": nn.Linear(4, 4), "norm": nn.LayerNorm(4)})


def _step(model: nn.Module, optimizer: MuonWithAdamW) -> None:
    x = model["embed"](torch.arange(8))  # type: ignore[index]
    model["norm"](model["hidden"](x)).pow(3).sum().backward()  # type: ignore[index]
    optimizer.step()
    optimizer.zero_grad()


def _optimizer(model: nn.Module) -> MuonWithAdamW:
    return MuonWithAdamW(model, matrix_learning_rate=0.02, learning_rate=0.01, weight_decay=0.0)


def test_only_hidden_matrices_go_to_muon() -> None:
    optimizer = _optimizer(_model())
    muon, adamw = optimizer.parts
    assert [tuple(p.shape) for group in muon.param_groups for p in group["params"]] == [(4, 4)]
    assert len(adamw.param_groups[0]["params"]) == 4


def test_a_schedule_reaches_both_parts() -> None:
    model = _model()
    before = copy.deepcopy(model.state_dict())
    optimizer = _optimizer(model)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    _step(model, optimizer)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_restored_optimizer_state_continues_bit_for_bit() -> None:
    first = _model()
    optimizer = _optimizer(first)
    _step(first, optimizer)
    second = copy.deepcopy(first)
    other = _optimizer(second)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    _step(first, optimizer)
    _step(second, other)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
