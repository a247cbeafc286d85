"""A GGUF file computes what the folder computes that it was made from, and nothing beside it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError
from burnish.fsio import digest_file
from burnish.model.base import LoadedModel, load_model
from burnish.model.folders import model_digest
from burnish.model.gguf.file import ROPE_FACTORS
from tests.tiny_gguf import write_gguf
from tests.tiny_models import Family, make_tiny_model

CPU = ModelConfig(device="cpu")
IDS = torch.arange(3, 43).reshape(2, 20)


def logits(loaded: LoadedModel) -> torch.Tensor:
    model: Any = loaded.model
    with torch.no_grad():
        found: torch.Tensor = model(IDS).logits
    return found


@pytest.mark.parametrize(("family", "tie"), [("llama", True), ("llama", False), ("qwen3", True)])
def test_f32_is_the_folder_and_eight_bits_are_close(tmp_path: Path, family: Family, tie: bool) -> None:
    folder = make_tiny_model(tmp_path / "folder", family, tie_embeddings=tie)
    exact = write_gguf(folder, tmp_path / "exact.gguf")
    eight = write_gguf(folder, tmp_path / "eight.gguf", q8=True)
    base, same, close = (load_model(path, CPU) for path in (folder, exact, eight))
    torch.testing.assert_close(logits(same), logits(base), rtol=0, atol=1e-5)
    assert 0 < (logits(close) - logits(base)).abs().max() < 0.5 < logits(base).abs().max()
    assert same.digest == model_digest(exact) == digest_file(exact)
    assert len({base.digest, same.digest, close.digest}) == 3
    end = base.tokenizer.eos_token_id
    assert same.model.config.eos_token_id == getattr(same.model.generation_config, "eos_token_id", None) == end


def test_a_token_that_ends_turns_ends_answers_too(tmp_path: Path) -> None:
    file = write_gguf(make_tiny_model(tmp_path), tmp_path / "m.gguf", more={"tokenizer.ggml.eot_token_id": 3})
    assert load_model(file, CPU).model.config.eos_token_id == [0, 3]


def test_what_lies_beside_the_file_is_not_read(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "folder")
    other = make_tiny_model(tmp_path / "other", "gemma", seed=5)
    alone = load_model(write_gguf(folder, tmp_path / "alone.gguf"), CPU)
    beside = load_model(write_gguf(folder, other / "beside.gguf"), CPU)
    assert beside.tokenizer.chat_template == alone.tokenizer.chat_template
    assert beside.tokenizer.get_vocab() == alone.tokenizer.get_vocab()
    assert torch.equal(logits(beside), logits(alone))


def test_rotary_frequencies_of_llama_3(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "folder")
    config = json.loads((folder / "config.json").read_text())
    rope = {"rope_type": "llama3", "rope_theta": 5e3, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    config["rope_parameters"] = rope | {"original_max_position_embeddings": 64}
    (folder / "config.json").write_text(json.dumps(config))
    base = load_model(folder, CPU)
    scaled = AutoModelForCausalLM.from_pretrained(folder).model.rotary_emb.inv_freq.numpy()
    plain = 5e3 ** -(np.arange(0, 8, 2) / 8)
    assert not np.allclose(plain, scaled)
    factors = {ROPE_FACTORS: (plain / scaled).astype(np.float32)}
    file = load_model(write_gguf(folder, tmp_path / "f.gguf", extra_tensors=factors), CPU)
    torch.testing.assert_close(logits(file), logits(base), rtol=0, atol=1e-5)
    without = load_model(write_gguf(folder, tmp_path / "w.gguf"), CPU)
    assert (logits(without) - logits(base)).abs().max() > 1e-3


def test_a_tensor_that_would_be_left_out_is_refused(tmp_path: Path) -> None:
    bias = {"blk.0.attn_q.bias": np.ones(32, dtype=np.float32)}
    file = write_gguf(make_tiny_model(tmp_path), tmp_path / "m.gguf", extra_tensors=bias)
    with pytest.raises(ConfigError, match=r"leaves out 1 tensors of .*m.gguf, among them blk.0.attn_q.bias"):
        load_model(file, CPU)
