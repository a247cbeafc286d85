from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from burnish.errors import ConfigError
from burnish.model.folders import check_model_folder, model_digest
from burnish.workflows.run.base_model import resolve_base
from tests.tiny_models import make_tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_tiny_model(tmp_path / "model")


def test_a_model_folder_is_used_in_place(folder: Path) -> None:
    assert resolve_base(str(folder)) == folder


@pytest.mark.parametrize(
    ("name", "expected"), [("some/model", "does not exist"), ("gpt2", "hub names are not downloaded")]
)
def test_an_unknown_model_name_is_refused(
    name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=expected):
        resolve_base(name)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("config.json", "lacks config.json;"),
        ("model.safetensors", r"lacks weights \(model.safetensors\);"),
        ("tokenizer.json", "lacks a tokenizer"),
    ],
)
def test_a_missing_model_file_is_named_beside_those_present(folder: Path, name: str, missing: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ConfigError, match=missing) as caught:
        check_model_folder(folder)
    for there in folder.iterdir():
        assert there.name in caught.value.cause
    assert "save_pretrained" in caught.value.way_out


def test_missing_shards_are_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}'
    )
    with pytest.raises(ConfigError, match=r"lacks model-00002-of-00002.safetensors;"):
        check_model_folder(folder)
    (folder / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ConfigError, match="lacks a readable model"):
        check_model_folder(folder)


def test_an_adapter_folder_is_refused_as_a_base(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        check_model_folder(tmp_path)
    assert "LoRA adapter" in caught.value.way_out


def test_the_model_digest_covers_what_changes_results_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    before = model_digest(folder)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "README.md").write_text("a card")
    assert model_digest(copy) == before
    for name in ("model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(copy / name, ns=(1, 1))
        assert model_digest(copy) != before, name
        (copy / name).write_bytes(content)
        os.utime(copy / name, ns=(2, 2))
        assert model_digest(copy) == before, name
