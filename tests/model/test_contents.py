from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.config.model import ModelConfig
from burnish.config.stages.adapters import LoraConfig
from burnish.model.base import load_model
from burnish.model.contents import adapter_in, count_parameters, quantization_in, quantization_on_disk
from burnish.train.weights.adapters import attach_adapter
from tests.quantized_bases import pack_to_4_bits
from tests.tiny_models import make_tiny_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"), tie_embeddings=False)


def load(folder: Path, **quantization: Any) -> Any:
    said = {"quantization": quantization} if quantization else {}
    return load_model(folder, ModelConfig.model_validate({"device": "cpu", **said})).model


def test_a_plain_model_is_counted_matrix_by_matrix(base: Path) -> None:
    model = load(base)
    counts = count_parameters(model)
    config = model.config
    layer = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64
    matmul = 2 * layer + config.vocab_size * 32
    assert counts.total == matmul + config.vocab_size * 32 + 5 * 32
    assert (counts.trainable, counts.trainable_matmul, counts.frozen_matmul) == (counts.total, matmul, 0)
    assert str(quantization_in(model)) == "NoQuant"
    assert adapter_in(model) is None


def test_tied_embeddings_are_multiplied_with_once(tmp_path: Path) -> None:
    model = load(make_tiny_model(tmp_path))
    counts = count_parameters(model)
    assert counts.total - counts.trainable_matmul == 5 * 32  # the norms


def test_an_adapter_adds_what_is_trained(base: Path) -> None:
    before = count_parameters(load(base))
    model = attach_adapter(load(base), LoraConfig(r=4, target_modules=("q_proj",)))
    counts = count_parameters(model)
    assert counts.trainable == counts.trainable_matmul == 2 * (4 * 32 + 32 * 4)
    assert counts.total == before.total + counts.trainable
    assert counts.frozen_matmul == before.trainable_matmul
    adapter = adapter_in(model)
    assert adapter is not None
    assert str(base) not in str(adapter)
    assert (adapter["r"], adapter["target_modules"], adapter["peft_type"]) == (4, ["q_proj"], "LORA")


@pytest.mark.parametrize(
    ("quantization", "tag"),
    [
        ({"kind": "nf4"}, "QLORA_w4_headfp32"),
        ({"kind": "fp4", "double_quant": False}, "QLORA_w4_headfp32"),
        ({"kind": "int8"}, "INT8_w8_headfp"),
        ({"kind": "hqq", "bits": 3, "group_size": 32}, "HQQ_w3_g32_headfp32"),
    ],
)
def test_packed_weights_count_as_what_they_stand_for(base: Path, quantization: dict[str, Any], tag: str) -> None:
    plain = count_parameters(load(base))
    model = load(base, **quantization)
    assert count_parameters(model).total == plain.total
    assert str(quantization_in(model)).startswith(tag)
    adapted = attach_adapter(model, LoraConfig(r=4))
    counts = count_parameters(adapted)
    assert counts.total == plain.total + counts.trainable
    assert str(quantization_in(adapted)).startswith(tag)


def test_a_base_quantised_on_disk_says_how_and_a_plan_says_nothing(base: Path, tmp_path: Path) -> None:
    folder = pack_to_4_bits(base, tmp_path / "packed")
    assert str(quantization_on_disk(folder, "gptq")) == "GPTQ_w4_g32"
    assert quantization_on_disk(base, "gptq") is None
    model = load(folder, kind="gptq")
    assert str(quantization_in(model)) == "NoQuant"  # expanded while loading
    assert count_parameters(model).total == count_parameters(load(base)).total
