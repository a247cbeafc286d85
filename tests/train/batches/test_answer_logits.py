"""Logits of trained places alone give the loss and the gradients that all logits give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from burnish.train.batches.answer_logits import logits_only_at
from tests.tiny_models import Family, make_tiny_model

IDS_BT = torch.arange(3, 43).reshape(2, 20)
PLACES_BT = torch.zeros(2, 19, dtype=torch.bool)
PLACES_BT[0, 4:9] = True
PLACES_BT[1, [0, 18]] = True


@pytest.mark.parametrize(("family", "target"), [("llama", None), ("llama", "lm_head"), ("gemma", "q_proj")])
def test_loss_and_gradients_are_those_of_all_logits(tmp_path: Path, family: Family, target: str | None) -> None:
    folder = make_tiny_model(tmp_path, family, tie_embeddings=target != "lm_head")
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    if target is not None:
        torch.manual_seed(0)
        model = get_peft_model(model, LoraConfig(r=2, target_modules=[target], init_lora_weights=False))
    targets_N = IDS_BT[:, 1:][PLACES_BT]

    loss: Any = cross_entropy(model(IDS_BT).logits[:, :-1][PLACES_BT], targets_N)
    loss.backward()
    expected = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    with logits_only_at(model, PLACES_BT):
        logits_NV = model(IDS_BT).logits
    assert logits_NV.shape[0] == 7
    loss = cross_entropy(logits_NV, targets_N)
    loss.backward()
    found = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    assert found.keys() == expected.keys()
    assert expected
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, msg=name)
    assert model(IDS_BT).logits.shape[:2] == IDS_BT.shape, "afterwards all places have logits again"


def test_no_trained_place_gives_no_logits(tmp_path: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path))
    with logits_only_at(model, torch.zeros(2, 19, dtype=torch.bool)):
        assert model(IDS_BT).logits.shape[0] == 0
