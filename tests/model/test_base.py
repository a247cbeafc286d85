from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError
from burnish.model.adapters import AdapterOrigin, read_origin, write_origin
from burnish.model.base import load_adapter, load_model, resolve_device
from burnish.model.folders import model_digest
from burnish.model.source import load_tokenizer
from tests.tiny_models import Family, make_tiny_model

CPU = ModelConfig(device="cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_tiny_model(tmp_path / "model", dtype="bfloat16")


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma"])
def test_a_model_is_loaded_ready_to_use(tmp_path: Path, family: Family, capfd: pytest.CaptureFixture[str]) -> None:
    folder = make_tiny_model(tmp_path, family)
    capfd.readouterr()
    loaded = load_model(folder, CPU)
    assert loaded.device == torch.device("cpu")
    assert loaded.digest == model_digest(folder)
    assert not loaded.model.training
    assert next(loaded.model.parameters()).dtype == torch.float32
    assert loaded.tokenizer.pad_token_id is not None
    assert capfd.readouterr().err == ""


def test_auto_is_float32_on_a_cpu_and_bfloat16_when_said(folder: Path) -> None:
    assert next(load_model(folder, CPU).model.parameters()).dtype == torch.float32
    said = ModelConfig(device="cpu", dtype="bfloat16")
    assert next(load_model(folder, said).model.parameters()).dtype == torch.bfloat16


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is an accelerator here")
def test_a_missing_accelerator_is_refused() -> None:
    with pytest.raises(ConfigError, match="torch finds no CUDA device"):
        resolve_device(ModelConfig(device="cuda"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model_type": "made-up"}, "the model type 'made-up' in .* is unknown"),
        (
            {"model_type": "made-up", "auto_map": {}},
            "needs Python code from its folder, and burnish never runs such code",
        ),
        ({"model_type": "t5"}, "is not a causal language model"),
    ],
)
def test_an_unknown_architecture_is_refused(folder: Path, changes: dict[str, Any], expected: str) -> None:
    change_config(folder, **changes)
    with pytest.raises(ConfigError, match=expected):
        load_model(folder, CPU)


def test_a_configuration_that_is_not_json_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="is not a model configuration"):
        load_model(folder, CPU)


def test_truncated_weights_are_refused(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ConfigError, match=r"the weights in .* cannot be loaded"):
        load_model(folder, CPU)


def test_missing_tensors_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"lack 1 tensors, among them model.layers.1.mlp.up_proj.weight"):
        load_model(folder, CPU)


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    change_config(folder, intermediate_size=80)
    with pytest.raises(ConfigError, match=r"the weights in .* (cannot be loaded|lack)"):
        load_model(folder, CPU)


def test_a_tokenizer_larger_than_the_embedding_is_refused(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    tokenizer.add_tokens([f"more{index}" for index in range(5)])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ConfigError, match="has 389 entries and the model only 384"):
        load_model(folder, CPU)


def test_a_broken_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"the tokenizer in .* cannot be loaded"):
        load_tokenizer(folder)


def test_a_missing_chat_template_is_made_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        plain = load_tokenizer(make_tiny_model(tmp_path / "plain", "llama", chat_template=False))
        chatml = load_tokenizer(make_tiny_model(tmp_path / "chatml", "qwen3", chat_template=False))
    assert "plain '### User:' headings, a turn ends with <|endoftext|>" in caplog.text
    assert "using ChatML, a turn ends with" in caplog.text
    assert plain.chat_template != chatml.chat_template


def test_a_base_tokenizer_that_begins_sequences_keeps_doing_so(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path, "gemma", chat_template=False)
    content = json.loads((folder / "tokenizer.json").read_text())
    bos = {"id": "<bos>", "ids": [0], "tokens": ["<bos>"]}
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<bos>": bos},
    }
    (folder / "tokenizer.json").write_text(json.dumps(content))
    tokenizer: Any = load_tokenizer(folder)
    messages = [{"role": "user", "content": "a"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "<bos>### User:\na\n\n### Assistant:\n"


def test_a_model_without_template_and_eos_is_refused(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path, "llama", chat_template=False)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["eos_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="no end-of-sequence token"):
        load_tokenizer(folder)


def test_an_adapter_of_another_base_or_template_is_refused(tmp_path: Path, folder: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    with pytest.raises(ConfigError, match=r"is not an adapter folder: adapter_config.json is missing"):
        load_adapter(folder, adapter, CPU)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (adapter / name).write_text("{}")
    origin = AdapterOrigin(base_digest="b", template_digest="t", dataset_digest="d")
    write_origin(adapter, origin)
    assert read_origin(adapter) == origin
    with pytest.raises(ConfigError, match=r"trained on a different base model \(digest b, this one is"):
        load_adapter(folder, adapter, CPU)
    write_origin(adapter, origin.model_copy(update={"base_digest": model_digest(folder)}))
    with pytest.raises(ConfigError, match="trained on a different chat template"):
        load_adapter(folder, adapter, CPU)
    (adapter / "burnish.json").write_text('{"schema_version": 1}')
    with pytest.raises(ConfigError, match="is not readable"):
        load_adapter(folder, adapter, CPU)
