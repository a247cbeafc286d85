"""Read the metadata and tensor names of a GGUF file, and refuse unsupported files.

Not covered: the tokenizer inside (`model.gguf.tokenizer`), the weights (`model.gguf.weights`), split files, adapters as
GGUF, detecting GGUF (`model.folders.is_gguf`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from burnish.config.quantization import QuantizationConfig
from burnish.errors import ConfigError, MissingToolError
from burnish.wording import first_line

ROPE_FACTORS = "rope_freqs.weight"
"""A tensor that divides the rotary frequencies: Llama 3.1 and later."""


@dataclass(frozen=True)
class GgufFile:
    """The metadata of a model in a GGUF file, without weights."""

    path: Path
    metadata: Mapping[str, Any]
    tensors: tuple[str, ...]
    rope_factors: tuple[float, ...] | None

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the architecture, the prefix of its settings."""
        return str(self.metadata.get("general.architecture"))

    def setting(self, name: str) -> Any:
        """Return a setting of the architecture, such as ``context_length``; None if unset."""
        return self.metadata.get(f"{self.architecture}.{name}")

    def token_id(self, role: str) -> int | None:
        """Return the id of the token with a role: ``bos``, ``eos``, ``eot``, ``unknown`` or ``padding``."""
        stored = self.metadata.get(f"tokenizer.ggml.{role}_token_id")
        return None if stored is None else int(stored)


def require_gguf() -> None:
    """Raise MissingToolError when the package that reads GGUF is missing; imports nothing."""
    if importlib.util.find_spec("gguf") is None:
        raise MissingToolError(
            "the package gguf is not installed, but needed to load a GGUF file", "pip install 'burnish[gguf]'"
        )


def read_gguf(path: Path) -> GgufFile:
    """Read a file without its weights, cached per process by size and modification time.

    Raises:
        ConfigError: it is not a GGUF file, or truncated.
        MissingToolError: the package gguf is not installed.
    """
    require_gguf()
    state = path.stat()
    return _read_unchanged(path.resolve(), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=2)
def _read_unchanged(path: Path, _size: int, _mtime_ns: int) -> GgufFile:
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        metadata = {name: field.contents() for name, field in reader.fields.items()}
    except (OSError, ValueError, LookupError, TypeError, OverflowError) as error:
        raise ConfigError(
            f"{path} is not a complete GGUF file: {first_line(error)}.",
            "Copy or download it again; it may be truncated or another kind of file.",
        ) from error
    factors = next((tensor.data.tolist() for tensor in reader.tensors if tensor.name == ROPE_FACTORS), None)
    names = tuple(tensor.name for tensor in reader.tensors)
    return GgufFile(path, metadata, names, None if factors is None else tuple(factors))


def check_gguf(file: GgufFile, quantization: QuantizationConfig | None) -> None:
    """Raise ConfigError unless the file holds one complete, supported model."""
    kind, parts = file.metadata.get("general.type", "model"), int(file.metadata.get("split.count", 0))
    if kind != "model":
        raise ConfigError(
            f"{file.path} does not hold a model: its general.type is {kind!r}.", "Give the GGUF file of a model."
        )
    if parts > 1:
        raise ConfigError(
            f"{file.path} is one of {parts} parts of a model.", "Merge them into one file: llama-gguf-split --merge."
        )
    if quantization is not None:
        raise ConfigError(
            f"model.quantization is {quantization.kind}, but the weights in {file.path} cannot be quantised again.",
            "Remove model.quantization, or give the model folder that the file was made from.",
        )
    scaling = file.setting("rope.scaling.type")
    if scaling not in (None, "none"):
        raise ConfigError(
            f"the rotary positions in {file.path} are scaled ({scaling}), which transformers does not read from GGUF.",
            "Use the model folder that the file was made from, or a server (answers.kind endpoint).",
        )
