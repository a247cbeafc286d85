"""The attention is what was asked for, or the best that proves itself; what fails is an error or said aloud."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError
from burnish.model import attention
from burnish.model.attention import attention_of, choose_attention
from burnish.model.base import load_model
from tests.tiny_models import Family, make_tiny_model

CPU = torch.device("cpu")


def test_auto_attention_on_a_cpu_is_sdpa_and_names_why_others_are_out(caplog: pytest.LogCaptureFixture) -> None:
    attention._LOGGED.clear()
    with caplog.at_level(logging.INFO, "burnish"):
        choice = choose_attention("auto", CPU, torch.float32)
        choose_attention("auto", CPU, torch.float32)
    assert choice.name == "sdpa"
    assert "not flash_attention_2: it needs a CUDA device" in choice.why
    assert [record.message for record in caplog.records] == [f"attention: sdpa ({choice.why})"]


def test_a_model_without_sdpa_gets_eager_attention() -> None:
    class Plain:
        _supports_sdpa = False

    choice = choose_attention("auto", CPU, torch.float32, Plain)
    assert choice.name == "eager"
    assert "not sdpa: Plain has none" in choice.why


@pytest.mark.parametrize("wanted", ["flash_attention_2", "kernels-community/flash-attn2", "flex_attention"])
def test_attention_that_needs_a_gpu_is_refused_with_a_way_out(wanted: Any) -> None:
    with pytest.raises(ConfigError, match=f"model.attention is {wanted}.*CUDA|CPU") as caught:
        choose_attention(wanted, CPU, torch.bfloat16)
    assert "auto" in caught.value.way_out


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma"])
@pytest.mark.parametrize("wanted", ["auto", "sdpa", "eager"])
def test_a_model_is_loaded_with_the_chosen_attention(tmp_path: Path, family: Family, wanted: Any) -> None:
    folder = make_tiny_model(tmp_path / "model", family)
    loaded = load_model(folder, ModelConfig(device="cpu", attention=wanted))
    assert attention_of(loaded.model) == ("sdpa" if wanted == "auto" else wanted)


def test_the_attention_probe_accepts_equal_results() -> None:
    assert attention._probe("sdpa", "cpu", torch.float32) is None


def test_the_attention_probe_refuses_different_results() -> None:
    """An attention that sees the other row of a packed sequence, and one that fails."""
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    def leaking(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **options: Any) -> Any:
        return sdpa_attention_forward(module, query, key, value, None, **options | {"is_causal": True})

    def failing(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("no kernel image is available")

    AttentionInterface.register("leaking", leaking)
    AttentionInterface.register("failing", failing)
    assert "differs from plain products" in (attention._probe("leaking", "cpu", torch.float32) or "")
    assert attention._probe("failing", "cpu", torch.float32) == "it fails here (no kernel image is available)"
