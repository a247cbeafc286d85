"""Find models on disk, check their files and compute their digests. Imports no torch.

Not covered: loading (`model.base`), hub names: weights come only from folders, and nothing is downloaded.
"""

from __future__ import annotations

import fnmatch
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from burnish.config.quantization import QuantizationConfig
from burnish.errors import ConfigError
from burnish.fsio import digest_file, digest_json

NANO = Path(__file__).parent / "nano"
"""The embedded base model."""

DIGESTED = (
    "config.json",
    "generation_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "pytorch_model*.bin",
    "pytorch_model*.bin.index.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "chat_template.j*",
    "adapter_config.json",
)
"""Files that decide a model's output, unlike cards and logs."""

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "tekken.json")


GGUF_MAGIC = b"GGUF"
COMPRESSED_TENSORS = "compressed-tensors"


def is_gguf(path: Path) -> bool:
    """Return whether ``path`` looks like GGUF by name or magic bytes; it may still be broken."""
    if not path.is_file():
        return False
    if path.suffix.lower() == ".gguf":
        return True
    with path.open("rb") as file:
        return file.read(len(GGUF_MAGIC)) == GGUF_MAGIC


def check_model_folder(folder: Path) -> None:
    """Raise ConfigError when ``folder`` lacks a file that loading needs."""
    missing = []
    if not (folder / "config.json").is_file():
        missing.append("config.json")
    missing += _missing_weights(folder)
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        missing.append("a tokenizer (tokenizer.json or tokenizer.model)")
    if not missing:
        return
    there = sorted(p.name + ("/" if p.is_dir() else "") for p in folder.iterdir()) if folder.is_dir() else []
    listed = ", ".join(there[:12]) + (f" and {len(there) - 12} more" if len(there) > 12 else "")
    if (folder / "adapter_config.json").is_file():
        way_out = "This is a LoRA adapter: merge it into its base first, or give the base model's folder."
    elif folder == NANO:
        way_out = "Install the package again, or train the model with: burnish run recipes/nano-base.yaml"
    else:
        way_out = (
            "Save the model with model.save_pretrained(folder) and tokenizer.save_pretrained(folder), or download "
            f"every file of it with: hf download NAME --local-dir {folder}"
        )
    raise ConfigError(
        f"the model folder {folder} lacks {', '.join(missing)}; it holds: {listed or 'nothing'}.", way_out
    )


def _missing_weights(folder: Path) -> list[str]:
    for index_name in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
        index = folder / index_name
        if index.is_file():
            try:
                shards = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
            except (ValueError, KeyError, AttributeError, TypeError):
                return [f"a readable {index_name}"]
            return [shard for shard in shards if not (folder / shard).is_file()]
    if any((folder / name).is_file() for name in ("model.safetensors", "pytorch_model.bin")):
        return []
    return ["weights (model.safetensors)"]


def read_model_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json`` of a model folder; raise ConfigError if it is not a model's."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_bytes())
        problem = "" if isinstance(config, dict) and "model_type" in config else "it has no model_type"
    except (OSError, ValueError, RecursionError) as error:
        problem = (str(error).splitlines() or ["it cannot be read"])[0]
    if problem:
        raise ConfigError(
            f"{path} is not a model configuration: {problem}.",
            "It must be JSON with model_type, as model.save_pretrained(folder) writes it.",
        )
    return dict(config)


def stored_quantization(path: Path) -> str | None:
    """Return the quantisation of a model folder (``gptq``, ``compressed-tensors``, ...) or None."""
    settings = read_model_config(path).get("quantization_config")
    return None if settings is None else str(settings.get("quant_method", "unknown"))


def check_stored_quantization(path: Path, config: QuantizationConfig | None) -> None:
    """Raise ConfigError unless the folder's weights are quantised as ``model.quantization``."""
    stored, wanted_kind = stored_quantization(path), None if config is None else config.kind
    if wanted_kind in ("gptq", "awq"):
        if stored == COMPRESSED_TENSORS:
            return
        if stored == wanted_kind:
            raise ConfigError(
                f"the {wanted_kind.upper()} weights in {path} need gptqmodel, "
                "which does not run with the pinned torch 2.13.",
                "Quantise the model again in the compressed-tensors format (llm-compressor), or train on nf4.",
            )
        raise ConfigError(
            f"model.quantization is {wanted_kind}, and the weights in {path} are "
            f"{'not quantised' if stored is None else f'quantised as {stored}'}.",
            "Give a base with that quantisation, or use nf4, which quantises while loading.",
        )
    if stored is not None:
        way_out = (
            "Set model.quantization to {kind: gptq} or {kind: awq}."
            if wanted_kind is None and stored == COMPRESSED_TENSORS
            else "Use the full-precision weights that it was quantised from."
        )
        wanted = (
            "model.quantization is not set" if wanted_kind is None else f"cannot be quantised to {wanted_kind} again"
        )
        raise ConfigError(f"the weights in {path} are quantised ({stored}), and {wanted}.", way_out)


def model_digest(path: Path) -> str:
    """Compute SHA-256 over the files that decide the output of a model or adapter.

    For a GGUF file it is the SHA-256 of the file. Files are hashed once per process as long as their size and
    modification time stay the same.
    """
    if path.is_file():
        return _digest_now(path)
    return digest_json([[file.name, _digest_now(file)] for file in digested_files(path)])


def digested_files(path: Path) -> list[Path]:
    """Return the files that decide the output of the model or adapter in ``path``, ordered by name."""
    if path.is_file():
        return [path]
    return sorted(
        file
        for file in path.iterdir()
        if file.is_file() and any(fnmatch.fnmatchcase(file.name, pattern) for pattern in DIGESTED)
    )


def _digest_now(file: Path) -> str:
    state = file.stat()
    return _digest_unchanged(file.resolve(), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest_unchanged(path: Path, _size: int, _mtime_ns: int) -> str:
    return digest_file(path)
