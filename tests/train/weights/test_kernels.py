"""Kernel settings reach the trainer, change nothing but rounding, and are refused where they cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.modules.module import register_module_forward_hook

from burnish.config.kernels import KernelsConfig
from burnish.errors import ConfigError
from burnish.train.weights.kernels import Deterministic, kernel_arguments
from tests.tiny_models import make_tiny_model
from tests.train.small_sft import run_small_sft


def test_checkpointing_and_deterministic_algorithms_train_the_same_weights(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    plain = run_small_sft(base, tmp_path / "plain", max_steps=4)
    others = {"gradient_checkpointing": True}, {"deterministic": True}
    for index, kernels in enumerate(others):
        other = run_small_sft(base, tmp_path / f"other{index}", max_steps=4, kernels=kernels)
        for name, tensor in weights(plain.trained).items():
            torch.testing.assert_close(weights(other.trained)[name], tensor, rtol=1e-4, atol=1e-6)


def test_checkpointing_computes_the_layers_again_on_the_way_back(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    calls: list[str] = []
    hook = register_module_forward_hook(lambda module, _inputs, _output: calls.append(type(module).__name__))
    try:
        run_small_sft(base, tmp_path / "off", max_steps=1)
        once = calls.count("LlamaAttention")
        calls.clear()
        run_small_sft(base, tmp_path / "on", max_steps=1, kernels={"gradient_checkpointing": True})
    finally:
        hook.remove()
    assert once == 2 * 2  # layers times micro batches
    assert calls.count("LlamaAttention") == 2 * once


def test_deterministic_algorithms_are_on_while_training_alone() -> None:
    callback = Deterministic(KernelsConfig(deterministic=True))
    callback.on_train_begin(None, None, None)
    assert torch.are_deterministic_algorithms_enabled()
    callback.on_train_end(None, None, None)
    assert not torch.are_deterministic_algorithms_enabled()
    Deterministic(KernelsConfig()).on_train_begin(None, None, None)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_liger_without_cuda_is_refused_before_anything_loads(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"kernels\.liger is on.*no CUDA"):
        run_small_sft(tmp_path / "no base at all", tmp_path / "out", max_steps=1, kernels={"liger": True})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_tf32_has_no_effect_on_a_cpu() -> None:
    assert kernel_arguments(KernelsConfig(tf32=True)) == {"gradient_checkpointing": False}


def test_another_attention_starts_from_scratch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Checkpoints that were made with another attention are not gone on from: the result would be of neither."""
    base = make_tiny_model(tmp_path / "base")
    run_small_sft(base, tmp_path / "out", max_steps=3)
    made_with = tmp_path / "out" / "checkpoints" / "made_with.json"
    made_with.write_text(made_with.read_text().replace('"sdpa"', '"flash_attention_2"'))
    run_small_sft(base, tmp_path / "out", max_steps=3)
    assert "made with other attention; training starts over" in caplog.text


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")
