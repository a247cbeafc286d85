"""What is said of GGUF files that cannot be loaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from burnish.config.model import ModelConfig
from burnish.config.quantization import Nf4Config
from burnish.errors import ConfigError, MissingToolError
from burnish.model.base import load_model
from burnish.model.folders import is_gguf
from tests.tiny_gguf import write_gguf
from tests.tiny_models import make_tiny_model

CPU = ModelConfig(device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("folder"))


def test_a_file_is_known_by_its_name_or_its_first_bytes(folder: Path, tmp_path: Path) -> None:
    unnamed = write_gguf(folder, tmp_path / "sha256-0a")
    assert is_gguf(unnamed)
    assert load_model(unnamed, CPU).tokenizer.chat_template
    (tmp_path / "notes.txt").write_text("GG")
    assert not is_gguf(tmp_path / "notes.txt")
    assert not is_gguf(tmp_path)


@pytest.mark.parametrize("kept", [0, 3, 20, 300, 9000, -1])
def test_a_truncated_file_is_refused(folder: Path, tmp_path: Path, kept: int) -> None:
    whole = write_gguf(folder, tmp_path / "m.gguf").read_bytes()
    assert len(whole) > 100_000
    (tmp_path / "m.gguf").write_bytes(whole[:kept])
    with pytest.raises(ConfigError, match="is not a complete GGUF file") as refused:
        load_model(tmp_path / "m.gguf", CPU)
    assert "download it again" in refused.value.way_out


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_text("version https://git-lfs.github.com/spec/v1\n" * 9)
    with pytest.raises(ConfigError, match="is not a complete GGUF file"):
        load_model(tmp_path / "m.gguf", CPU)


@pytest.mark.parametrize(
    ("how", "cause", "way_out"),
    [
        ({"architecture": "rwkv9"}, "does not support GGUF files of the architecture 'rwkv9'", "model folder"),
        ({"architecture": "t5"}, "'t5' in .* is not a causal language model", "decoder-only"),
        ({"tokenizer": False}, "has no tokenizer", "model folder"),
        ({"pre": "viking"}, "splits text in an unsupported way .*'viking'", "answers.kind endpoint"),
        ({"more": {"tokenizer.ggml.model": "bert"}}, "of the unsupported kind 'bert'", "answers.kind endpoint"),
        ({"more": {"general.type": "adapter"}}, "its general.type is 'adapter'", "GGUF file of a model"),
        ({"more": {"split.count": 3}}, "one of 3 parts", "--merge"),
        ({"more": {"llama.rope.scaling.type": "yarn"}}, r"are scaled \(yarn\)", "model folder"),
    ],
)
def test_an_unsupported_gguf_file_is_refused_with_the_reason(
    folder: Path, tmp_path: Path, how: dict[str, Any], cause: str, way_out: str
) -> None:
    with pytest.raises(ConfigError, match=cause) as refused:
        load_model(write_gguf(folder, tmp_path / "m.gguf", **how), CPU)
    assert way_out in refused.value.way_out


def test_a_gguf_file_is_not_quantised_again(folder: Path, tmp_path: Path) -> None:
    file = write_gguf(folder, tmp_path / "m.gguf", q8=True)
    with pytest.raises(
        ConfigError, match=r"model.quantization is nf4, but the weights in .* cannot be quantised again"
    ):
        load_model(file, ModelConfig(device="cpu", quantization=Nf4Config()))


def test_a_missing_package_is_named_with_what_to_install(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(folder, tmp_path / "m.gguf")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match="the package gguf is not installed") as missing:
        load_model(file, CPU)
    assert missing.value.way_out == "pip install 'burnish[gguf]'"
