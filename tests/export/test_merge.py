from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import load_file, save_file

from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.errors import ConfigError, MachineError
from burnish.export.merge import MERGE_TOLERANCE, STORED_TOLERANCE, check_logits, merge_adapter
from burnish.model.base import load_adapter, load_model, stored_dtype
from burnish.model.chat_template import template_digest
from burnish.model.source import load_tokenizer
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from tests.tiny_models import Family, make_tiny_model
from tests.train.small_sft import some_rows

CPU = ModelConfig(device="cpu")
IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 5, 6]])


def trained(base: Path, out: Path, modules_to_save: tuple[str, ...] = ()) -> Path:
    stage = {"name": "sft", "max_steps": 6, "effective_batch": 4, "micro_batch": 4, "learning_rate": 1e-2}
    return run_sft(
        TrainingJob(
            base=base,
            model=CPU,
            stage=SftStage.model_validate(
                {**stage, "adapter": {"kind": "lora", "r": 4, "modules_to_save": list(modules_to_save)}}
            ),
            out=out,
            seed=0,
            log=lambda _step, _values: None,
        ),
        some_rows(),
    ).trained


def logits(loaded: Any) -> torch.Tensor:
    with torch.inference_mode():
        return torch.as_tensor(loaded.model(input_ids=IDS).logits).float()


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("modules_to_save", [(), ("embed_tokens",)])
def test_a_merged_model_equals_base_plus_adapter(
    tmp_path: Path, family: Family, tied: bool, modules_to_save: tuple[str, ...]
) -> None:
    base = make_tiny_model(tmp_path / "base", family, tie_embeddings=tied)
    adapter = trained(base, tmp_path / "sft", modules_to_save)
    result = merge_adapter(base, adapter, tmp_path / "merged", model=CPU)
    assert result.folder == tmp_path / "merged"
    assert result.stored.largest < 1e-4
    expected = logits(load_adapter(base, adapter, CPU))
    assert torch.allclose(logits(load_model(result.folder, CPU)), expected, atol=1e-4)
    assert (logits(load_model(base, CPU)) - expected).abs().max() > 0.1
    assert template_digest(load_tokenizer(result.folder)) == template_digest(load_tokenizer(base))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_merged_model_has_the_dtype_of_its_base(tmp_path: Path, dtype: Literal["float32", "bfloat16"]) -> None:
    base = make_tiny_model(tmp_path / "base", dtype=dtype)
    result = merge_adapter(base, trained(base, tmp_path / "sft"), tmp_path / "merged", model=CPU)
    assert stored_dtype(result.folder) == stored_dtype(base) == getattr(torch, dtype)
    assert {tensor.dtype for tensor in load_file(result.folder / "model.safetensors").values()} == {
        getattr(torch, dtype)
    }


def test_what_rounding_costs_is_told_apart_from_what_merging_does(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base", dtype="bfloat16")
    adapter = trained(base, tmp_path / "sft")
    result = merge_adapter(base, adapter, tmp_path / "merged", model=CPU)
    assert (result.dtype, result.limit) == ("bfloat16", STORED_TOLERANCE[torch.bfloat16])
    assert result.merged.share < 1e-4 < result.stored.share < result.limit
    assert result.merged.changed_tokens == 0
    exact = CPU.model_copy(update={"dtype": "float32"})
    expected, found = (logits(one) for one in (load_adapter(base, adapter, exact), load_model(result.folder, exact)))
    assert (expected - found).abs().max() < 3 * result.stored.largest
    differences = result.differences()
    assert differences["largest_logit_difference"] == result.stored.largest
    assert differences["changed_greedy_tokens"] == result.stored.changed_tokens


def test_changed_tokens_are_counted_by_position() -> None:
    expected = torch.tensor([[[0.0, 1.0], [2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]])
    found = expected.clone()
    found[0, 1] = torch.tensor([1.0, 1.5])
    difference = check_logits(expected, found, 10.0, "changed")
    assert (difference.largest, difference.changed_tokens) == (1.0, 0.25)
    assert difference.share == pytest.approx(1.0 / expected.std().item())


def test_a_made_template_is_exported_with_the_model(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base", chat_template=False)
    result = merge_adapter(base, trained(base, tmp_path / "sft"), tmp_path / "merged", model=CPU)
    assert (result.folder / "chat_template.jinja").is_file()
    assert template_digest(load_tokenizer(result.folder)) == template_digest(load_tokenizer(base))


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    other = make_tiny_model(tmp_path / "other", seed=1)
    adapter = trained(base, tmp_path / "sft")
    with pytest.raises(ConfigError, match="trained on a different base model"):
        merge_adapter(other, adapter, tmp_path / "merged", model=CPU)
    (base / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    with pytest.raises(ConfigError, match="trained on a different"):
        merge_adapter(base, adapter, tmp_path / "merged", model=CPU)
    assert not (tmp_path / "merged").exists()


def test_an_adapter_with_nan_is_refused_and_leaves_no_files(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    adapter = trained(base, tmp_path / "sft")
    weights = load_file(adapter / "adapter_model.safetensors")
    broken = {name: torch.full_like(tensor, 1e30) for name, tensor in weights.items()}
    save_file(broken, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MachineError, match="nan"):
        merge_adapter(base, adapter, tmp_path / "merged", model=CPU)
    assert not (tmp_path / "merged").exists()
    assert not list(tmp_path.glob(".*"))


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    adapter = trained(base, tmp_path / "sft")
    weights = load_file(base / "model.safetensors")
    whole_numbers = {name: tensor.to(torch.int8) for name, tensor in weights.items()}
    save_file(whole_numbers, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"stored as torch.int8, not in full precision"):
        merge_adapter(base, adapter, tmp_path / "merged", model=CPU)


def test_the_merge_check_detects_a_difference() -> None:
    expected = torch.randn(4, 8, 100, generator=torch.Generator().manual_seed(0))
    assert check_logits(expected, expected, MERGE_TOLERANCE, "same").largest == 0
    with pytest.raises(MachineError, match=r"shifted, the model's logits differ .* 0.10% is allowed"):
        check_logits(expected, expected + 0.01, MERGE_TOLERANCE, "shifted")
    with pytest.raises(MachineError):
        check_logits(expected, expected * float("nan"), MERGE_TOLERANCE, "no numbers")
