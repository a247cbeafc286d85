from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from burnish.config.model import ModelConfig
from burnish.config.stages.adapters import FullWeights, LoraConfig, PissaConfig, RsLoraConfig, VeraConfig
from burnish.config.stages.embeddings import check_embedding_targets
from burnish.errors import ConfigError
from burnish.model.base import load_adapter, load_model
from burnish.train.weights.adapters import attach_adapter
from tests.tiny_models import Family, make_tiny_model
from tests.train.small_sft import run_small_sft

CPU = ModelConfig(device="cpu")
NF4 = ModelConfig.model_validate({"device": "cpu", "quantization": {"kind": "nf4"}})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def adapted(model: Any) -> set[str]:
    """Last names of the modules that have an adapter."""
    factors = ("lora_A", "vera_lambda_b")
    return {name.split(".")[-2] for name, _ in model.named_modules() if name.split(".")[-1] in factors} | {
        name.split(".")[-3] for name, _ in model.named_parameters() if name.split(".")[-2] in factors
    }


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("all-linear", {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}),
        ("qv", {"q_proj", "v_proj"}),
        ("fn", {"gate_proj", "up_proj", "down_proj"}),
        ("k_proj; o_proj", {"k_proj", "o_proj"}),
    ],
)
@pytest.mark.parametrize("config", [LoraConfig, VeraConfig])
@pytest.mark.parametrize("model", [CPU, NF4])
def test_the_targets_are_those_that_were_said(
    base: Path, config: Any, model: ModelConfig, targets: str, expected: set[str]
) -> None:
    plain = load_model(base, model).model
    found = attach_adapter(plain, config.model_validate({"r": 4, "target_modules": targets}))
    assert adapted(found) == expected


class Strange(nn.Module):
    """A model whose layers have names of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.mixer = nn.Linear(4, 4)


@pytest.mark.parametrize("targets", ["qv", "fn"])
def test_unknown_layer_names_have_to_be_given(targets: str) -> None:
    with pytest.raises(ConfigError, match=f"target_modules is '{targets}', but the model's layers have none") as caught:
        attach_adapter(Strange(), VeraConfig.model_validate({"target_modules": targets}))
    assert "mixer" in caught.value.way_out


def test_quantised_modules_cannot_be_trained_whole(base: Path) -> None:
    config = LoraConfig(target_modules=("q_proj",), modules_to_save=("up_proj",))
    with pytest.raises(ConfigError, match=r"modules_to_save names model.layers.0.mlp.up_proj, whose weights are quant"):
        attach_adapter(load_model(base, NF4).model, config)


def test_every_weight_is_trained_in_float32_whatever_it_was_loaded_in(base: Path) -> None:
    half = load_model(base, CPU.model_copy(update={"dtype": "bfloat16"})).model
    model = attach_adapter(half, FullWeights())
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in model.parameters())


def test_lora_and_rslora_have_their_published_scales(base: Path) -> None:
    scales = []
    for config in (LoraConfig(r=16, alpha=32), RsLoraConfig(r=16, alpha=32)):
        model = attach_adapter(load_model(base, CPU).model, config)
        scales.append(next(module.scaling["default"] for module in model.modules() if hasattr(module, "lora_A")))
    assert scales == [2, 8]


@pytest.mark.parametrize("iterations", [4, None])
def test_pissa_begins_as_the_base_and_is_stored_as_lora(base: Path, tmp_path: Path, iterations: int | None) -> None:
    ids = torch.arange(5, 25)[None]
    torch.manual_seed(0)
    with torch.inference_mode():
        before = load_model(base, CPU).model(input_ids=ids).logits
        model = attach_adapter(load_model(base, CPU).model, PissaConfig(r=4, alpha=4, svd_iterations=iterations))
        assert torch.allclose(model.eval()(input_ids=ids).logits, before, atol=1e-4)
    adapter = {"kind": "pissa", "r": 4, "alpha": 8, "svd_iterations": iterations}
    result = run_small_sft(base, tmp_path, max_steps=3, adapter=adapter)
    stored = json.loads((result.trained / "adapter_config.json").read_text())
    assert (stored["r"], stored["lora_alpha"], stored["init_lora_weights"]) == (8, 16, True)
    weights = load_file(result.trained / "adapter_model.safetensors")
    assert {min(tensor.shape) for tensor in weights.values()} == {8}
    with torch.inference_mode():
        tuned = load_adapter(base, result.trained, CPU).model(input_ids=ids).logits
    assert (tuned - before).abs().max() > 0.01


@pytest.mark.parametrize(
    ("kind", "quantization"),
    [("pissa", None), ("vera", None), ("full", None), ("lora", {"kind": "nf4"}), ("dora", {"kind": "nf4"})],
)
def test_an_interrupted_training_continues_bit_for_bit(
    base: Path, tmp_path: Path, kind: str, quantization: dict[str, Any] | None
) -> None:
    adapter = {"kind": kind} if kind == "full" else {"kind": kind, "r": 4}
    settings: dict[str, Any] = {"max_steps": 5, "adapter": adapter, "quantization": quantization}
    whole = run_small_sft(base, tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        run_small_sft(base, tmp_path / "broken", interrupt_at=2, **settings)
    assert not (tmp_path / "broken" / whole.trained.name).exists()
    again = run_small_sft(base, tmp_path / "broken", **settings)
    (name,) = (path.name for path in whole.trained.glob("*.safetensors"))
    assert (again.trained / name).read_bytes() == (whole.trained / name).read_bytes()


def test_full_fine_tuning_leaves_a_whole_model(base: Path, tmp_path: Path) -> None:
    result = run_small_sft(base, tmp_path, max_steps=3, adapter={"kind": "full"})
    assert result.trained == tmp_path / "model"
    assert not (tmp_path / "adapter").exists()
    first, second = (load_model(folder, CPU).model.state_dict() for folder in (base, result.trained))
    assert all((first[name] - second[name]).abs().max() > 0 for name in first)


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens", "model.embed_tokens"])
def test_an_adapter_on_one_side_of_tied_embeddings_is_refused(tmp_path: Path, target: str) -> None:
    config = LoraConfig(target_modules=("q_proj", target))
    families: tuple[Family, ...] = ("llama", "gemma")
    for family in families:
        folder = make_tiny_model(tmp_path / f"{family} tied", family, tie_embeddings=True)
        with pytest.raises(ConfigError, match=f"names {target.rpartition('.')[2]}, but the model ties"):
            attach_adapter(load_model(folder, CPU).model, config)
        with pytest.raises(ConfigError, match="ties its embeddings"):
            check_embedding_targets(config, folder)
        check_embedding_targets(LoraConfig(), folder)
    apart = make_tiny_model(tmp_path / "apart", tie_embeddings=False)
    check_embedding_targets(config, apart)
    attach_adapter(load_model(apart, CPU).model, config)
