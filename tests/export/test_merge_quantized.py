from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from burnish.config.compatibility import Base, MergeOnto, Trained
from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.errors import ConfigError
from burnish.export.merge import merge_adapter
from burnish.model.adapters import read_trained_kind
from burnish.model.base import load_adapter, load_model
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from tests.quantized_bases import pack_to_4_bits
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import some_rows

IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 5, 6]])
PLAIN = ModelConfig(device="cpu")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


def quantized(kind: Base) -> ModelConfig:
    quantization = {"kind": kind, "group_size": 32} if kind == "hqq" else {"kind": kind}
    return ModelConfig.model_validate({"device": "cpu", "quantization": quantization})


def trained(base: Path, out: Path, model: ModelConfig, kind: Trained = "lora") -> Path:
    stage: dict[str, Any] = {"name": "sft", "max_steps": 4, "effective_batch": 4, "micro_batch": 4}
    return run_sft(
        TrainingJob(
            base=base,
            model=model,
            stage=SftStage.model_validate(stage | {"learning_rate": 1e-2, "adapter": {"kind": kind, "r": 4}}),
            out=out,
            seed=0,
            log=lambda _step, _values: None,
        ),
        some_rows(),
    ).trained


def logits(loaded: Any) -> torch.Tensor:
    with torch.inference_mode():
        return torch.as_tensor(loaded.model(input_ids=IDS).logits).float()


@pytest.mark.parametrize(
    ("base_kind", "onto", "kind"),
    [
        ("nf4", "dequantized", "lora"),
        ("fp4", "dequantized", "vera"),
        ("nf4", "dequantized", "dora"),
        ("nf4", "stored", "lora"),
        ("int8", "stored", "lora"),
        ("hqq", "stored", "rslora"),
    ],
)
def test_the_merged_folder_is_in_full_precision_and_its_distance_from_training_is_known(
    base: Path, tmp_path: Path, base_kind: Base, onto: MergeOnto, kind: Trained
) -> None:
    model = quantized(base_kind)
    adapter = trained(base, tmp_path / "sft", model, kind)
    assert read_trained_kind(adapter) == kind
    result = merge_adapter(base, adapter, tmp_path / "merged", model=model, onto=onto)
    assert result.stored.largest < 1e-4
    merged = logits(load_model(result.folder, PLAIN))
    as_trained = logits(load_adapter(base, adapter, model))
    distance = result.largest_difference_from_training
    assert distance is not None
    if onto == "dequantized":
        assert torch.allclose(merged, as_trained, atol=1e-3)
        assert distance < 1e-3
    else:
        assert torch.allclose(merged, logits(load_adapter(base, adapter, PLAIN)), atol=1e-4)
        assert distance > 1e-2, "a tiny model shows what its quantisation costs"


def test_a_base_quantised_on_disk_is_refused_with_the_matrix_s_reason(base: Path, tmp_path: Path) -> None:
    packed = pack_to_4_bits(base, tmp_path / "packed")
    adapter = trained(packed, tmp_path / "sft", quantized("gptq"))
    with pytest.raises(ConfigError, match=r"GPTQ \+ LoRA cannot be merged") as caught:
        merge_adapter(packed, adapter, tmp_path / "merged", model=quantized("gptq"))
    assert caught.value.way_out == "Export the adapter, or train on NF4."
    with pytest.raises(ConfigError, match="only nf4 and fp4 weights can be dequantised"):
        merge_adapter(base, adapter, tmp_path / "merged", model=PLAIN, onto="dequantized")
    assert not (tmp_path / "merged").exists()


def test_an_adapter_on_other_weights_is_reported(base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    adapter = trained(base, tmp_path / "sft", quantized("nf4"))
    load_adapter(base, adapter, quantized("nf4"))
    assert "was trained on" not in caplog.text
    load_adapter(base, adapter, PLAIN)
    assert "was trained on nf4 weights, and is loaded on full ones" in caplog.text
