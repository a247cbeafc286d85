from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError, MissingToolError
from burnish.model.base import load_model
from burnish.model.folders import stored_quantization
from burnish.model.machine import QUANTIZERS
from burnish.model.quantized import dequantize, is_quantized_linear
from tests.quantized_bases import pack_to_4_bits
from tests.tiny_models import make_tiny_model

IDS = torch.arange(5, 45)[None]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def packed(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_to_4_bits(base, tmp_path_factory.mktemp("packed"))


def config(**quantization: Any) -> ModelConfig:
    return ModelConfig.model_validate({"device": "cpu", "quantization": quantization or None})


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        return torch.as_tensor(model(input_ids=IDS).logits)


@pytest.mark.parametrize(
    ("quantization", "layers"),
    [
        ({"kind": "nf4"}, "Linear4bit"),
        ({"kind": "fp4", "double_quant": False}, "Linear4bit"),
        ({"kind": "int8"}, "Linear8bitLt"),
        ({"kind": "hqq", "bits": 8, "group_size": 32}, "HQQLinear"),
    ],
)
def test_linear_layers_are_quantised_and_the_head_is_not(base: Path, quantization: Any, layers: str) -> None:
    loaded, plain = load_model(base, config(**quantization)), load_model(base, config())
    found = {name for name, one in loaded.model.named_modules() if is_quantized_linear(one)}
    assert len(found) == 14
    assert {type(loaded.model.get_submodule(name)).__name__ for name in found} == {layers}
    assert not any("lm_head" in name for name in found)
    assert loaded.digest != plain.digest
    drift = (logits(loaded.model) - logits(plain.model)).abs().mean() / logits(plain.model).std()
    assert 0 < drift < 0.8, "noise would be 1.1"


def test_four_bit_settings_reach_the_quantiser(base: Path) -> None:
    loaded = load_model(base, config(kind="fp4", double_quant=False, compute_dtype="bfloat16"))
    layer: Any = loaded.model.get_submodule("model.layers.0.mlp.up_proj")
    assert layer.weight.quant_state.quant_type == "fp4"
    assert not layer.weight.quant_state.nested
    assert layer.compute_dtype == torch.bfloat16
    layer = load_model(base, config(kind="nf4")).model.get_submodule("model.layers.0.mlp.up_proj")
    assert layer.weight.quant_state.nested


def test_dequantised_four_bit_weights_compute_the_same(base: Path) -> None:
    quantised = load_model(base, config(kind="nf4")).model
    expected = logits(quantised)
    expanded = dequantize(quantised)
    assert not any(is_quantized_linear(module) for module in expanded.modules())
    assert torch.allclose(logits(expanded), expected, atol=1e-4)


def test_hqq_with_more_bits_is_closer_to_the_original(base: Path) -> None:
    exact = logits(load_model(base, config()).model)
    drifts = [
        (logits(load_model(base, config(kind="hqq", bits=bits, group_size=32)).model) - exact).abs().mean()
        for bits in (8, 4, 2)
    ]
    assert drifts == sorted(drifts)


def test_a_group_size_that_does_not_divide_a_layer_is_refused(base: Path) -> None:
    with pytest.raises(ConfigError, match=r"group_size 64 does not divide the 32 inputs of model.layers.0.self_attn"):
        load_model(base, config(kind="hqq"))


@pytest.mark.parametrize("kind", ["gptq", "awq"])
def test_packed_weights_are_expanded_with_a_note(packed: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        loaded = load_model(packed, config(kind=kind))
    assert f"{kind.upper()} weights are expanded while loading: memory is that of full precision" in caplog.text
    assert stored_quantization(packed) == "compressed-tensors"
    assert loaded.model.get_submodule("model.layers.0.mlp.up_proj").weight.dtype == torch.float32


def test_a_quantisation_that_contradicts_the_files_is_refused(base: Path, packed: Path, tmp_path: Path) -> None:
    for folder, quantization, expected in (
        (base, {"kind": "gptq"}, "model.quantization is gptq, and the weights in .* are not quantised"),
        (packed, {}, r"are quantised \(compressed-tensors\), and model.quantization is not set"),
        (packed, {"kind": "nf4"}, r"are quantised \(compressed-tensors\), and cannot be quantised to nf4 again"),
    ):
        with pytest.raises(ConfigError, match=expected):
            load_model(folder, config(**quantization))
    native = make_tiny_model(tmp_path)
    content = json.loads((native / "config.json").read_text())
    (native / "config.json").write_text(json.dumps(content | {"quantization_config": {"quant_method": "awq"}}))
    with pytest.raises(ConfigError, match=r"the AWQ weights in .* need gptqmodel"):
        load_model(native, config(kind="awq"))
    with pytest.raises(ConfigError, match="quantised as awq"):
        load_model(native, config(kind="gptq"))


def test_a_missing_package_comes_with_its_install_line(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(QUANTIZERS, "nf4", "a_package_that_nobody_has")
    with pytest.raises(MissingToolError, match=r"and model\.quantization nf4 needs it") as caught:
        load_model(base, config(kind="nf4"))
    assert caught.value.way_out == "pip install 'burnish[quant]'"
