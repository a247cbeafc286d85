"""A merged adapter computes the same, and leaves the weights as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from burnish.config.stages.adapters import AdapterConfig, DoraConfig, LoraConfig, VeraConfig
from burnish.model.base import load_model
from burnish.train.weights.adapters import attach_adapter, merged_adapter
from tests.tiny_models import make_tiny_model
from tests.train.small_grpo import CPU

IDS = torch.tensor([[40, 41, 42, 50, 51]])


@pytest.mark.parametrize("adapter", [LoraConfig(r=4), DoraConfig(r=4), VeraConfig(r=16)], ids=["lora", "dora", "vera"])
def test_a_merged_sampler_computes_the_same_and_restores_the_weights(tmp_path: Path, adapter: AdapterConfig) -> None:
    model = attach_adapter(load_model(make_tiny_model(tmp_path), CPU).model, adapter)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.requires_grad:
                weight.add_(0.05 * torch.randn_like(weight) if "magnitude" not in name else 0)
        before = {name: weight.clone() for name, weight in model.state_dict().items()}
        alone = model(input_ids=IDS).logits
        with merged_adapter(model):
            changed = [name for name, weight in model.state_dict().items() if not torch.equal(weight, before[name])]
            merged = model(input_ids=IDS).logits
        after = model(input_ids=IDS).logits
    assert changed, "or nothing was merged"
    assert torch.allclose(merged, alone, atol=1e-4)
    assert torch.equal(after, alone)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_a_model_without_an_adapter_is_left_alone(tmp_path: Path) -> None:
    base: Any = load_model(make_tiny_model(tmp_path), CPU).model
    before = {name: weight.clone() for name, weight in base.state_dict().items()}
    with merged_adapter(base):
        assert all(torch.equal(weight, before[name]) for name, weight in base.state_dict().items())


def test_weights_in_bfloat16_are_merged_and_put_back_bit_for_bit(tmp_path: Path) -> None:
    base: Any = load_model(make_tiny_model(tmp_path), CPU).model
    half = attach_adapter(base.to(torch.bfloat16), LoraConfig(r=4))
    with torch.no_grad():
        for weight in half.parameters():
            if weight.requires_grad:
                weight.add_(0.05 * torch.randn_like(weight))
    before = {name: weight.clone() for name, weight in half.state_dict().items()}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        alone = half(input_ids=IDS).logits
        with merged_adapter(half):
            merged = half(input_ids=IDS).logits
            assert any(not torch.equal(weight, before[name]) for name, weight in half.state_dict().items())
    assert (merged - alone).abs().max() < 0.1 * alone.std(), "rounding of the sum to 8 bits, and no more"
    assert all(torch.equal(weight, before[name]) for name, weight in half.state_dict().items())
