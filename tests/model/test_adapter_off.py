"""The base measured through an adapter that is off is the base, or it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError
from burnish.model.adapter_off import load_with_adapter_off
from burnish.model.adapters import AdapterOrigin, write_origin
from burnish.model.base import load_adapter, load_model
from burnish.model.chat_template import template_digest
from burnish.model.folders import model_digest
from tests.tiny_models import make_tiny_model

CPU = ModelConfig(device="cpu")


def an_adapter(base: Path, folder: Path, *, scale: float = 0.5) -> Path:
    """An untrained LoRA adapter whose matrices are filled with noise of a scale."""
    loaded = load_model(base, CPU)
    torch.manual_seed(0)
    model: Any = get_peft_model(loaded.model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data = scale * torch.randn_like(parameter)
    model.save_pretrained(folder)
    origin = AdapterOrigin(
        base_digest=model_digest(base), template_digest=template_digest(loaded.tokenizer), dataset_digest=""
    )
    write_origin(folder, origin)
    return folder


def test_with_the_adapter_off_the_logits_are_those_of_the_base(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    adapter = an_adapter(base, tmp_path / "adapter")
    off, alone, on = load_with_adapter_off(base, adapter, CPU), load_model(base, CPU), load_adapter(base, adapter, CPU)
    ids = torch.tensor([[5, 6, 7, 8]])
    logits = [one.model(input_ids=ids).logits for one in (off, alone, on)]
    assert torch.equal(logits[0], logits[1])
    assert not torch.equal(logits[0], logits[2])
    assert off.digest == alone.digest != on.digest


def test_an_adapter_without_effect_proves_nothing(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    with pytest.raises(ConfigError, match="changes no logits"):
        load_with_adapter_off(base, an_adapter(base, tmp_path / "adapter", scale=0.0), CPU)


def test_an_adapter_that_stays_active_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = make_tiny_model(tmp_path / "base")
    adapter = an_adapter(base, tmp_path / "adapter")
    real = PeftModel.from_pretrained

    def contaminating(model: Any, *args: Any, **kwargs: Any) -> Any:
        found = real(model, *args, **kwargs)
        model.lm_head.weight.data[0] += 0.01
        return found

    monkeypatch.setattr(PeftModel, "from_pretrained", contaminating)
    with pytest.raises(ConfigError, match=r"with the adapter .* off, logits differ"):
        load_with_adapter_off(base, adapter, CPU)
