"""A model in one GGUF file: its metadata and the names of its tensors, and what of such files is refused.

Not covered: the tokenizer inside (`model.gguf.tokenizer`), the weights (`model.gguf.weights`), files cut into parts,
adapters as GGUF. Which files are GGUF at all: `model.folders.is_gguf`.
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

ROPE_FACTORS = "rope_freqs.weight"
"""A tensor that divides the rotary frequencies: Llama 3.1 and later."""


@dataclass(frozen=True)
class GgufFile:
    """What a file says of its model, weights aside."""

    path: Path
    metadata: Mapping[str, Any]
    tensors: tuple[str, ...]
    rope_factors: tuple[float, ...] | None

    @property
    def architecture(self) -> str:
        """llama.cpp's name of it, which prefixes the keys of its settings."""
        return str(self.metadata.get("general.architecture"))

    def setting(self, name: str) -> Any:
        """A setting of the architecture, such as ``context_length``; None when the file does not say."""
        return self.metadata.get(f"{self.architecture}.{name}")

    def token_id(self, role: str) -> int | None:
        """Id of the token with a role: ``bos``, ``eos``, ``eot``, ``unknown`` or ``padding``."""
        found = self.metadata.get(f"tokenizer.ggml.{role}_token_id")
        return None if found is None else int(found)


def require_gguf() -> None:
    """Raise MissingToolError when the package that reads GGUF is missing; imports nothing."""
    if importlib.util.find_spec("gguf") is None:
        raise MissingToolError(
            "the package gguf is not installed, and a GGUF file is to be loaded", "pip install 'burnish[gguf]'"
        )


def read_gguf(path: Path) -> GgufFile:
    """Read all of a file but its weights; once per process, as long as its size and modification time stay the same.

    Raises:
        ConfigError: it is no GGUF file, or cut short.
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
            f"{path} is no whole GGUF file: {(str(error).splitlines() or [type(error).__name__])[0].rstrip('.')}.",
            "Copy or download it again; it may be cut short, or be something else under that name.",
        ) from error
    factors = next((tensor.data.tolist() for tensor in reader.tensors if tensor.name == ROPE_FACTORS), None)
    names = tuple(tensor.name for tensor in reader.tensors)
    return GgufFile(path, metadata, names, None if factors is None else tuple(factors))


def check_gguf(file: GgufFile, quantization: QuantizationConfig | None) -> None:
    """Raise ConfigError when the file holds no whole model, or one that would not compute what it should."""
    kind, parts = file.metadata.get("general.type", "model"), int(file.metadata.get("split.count", 0))
    if kind != "model":
        raise ConfigError(f"{file.path} holds no model: its general.type is {kind!r}.", "Name the GGUF of a model.")
    if parts > 1:
        raise ConfigError(
            f"{file.path} is one of {parts} parts of a model.", "Make one file of them: llama-gguf-split --merge."
        )
    if quantization is not None:
        raise ConfigError(
            f"model.quantization is {quantization.kind}, and the weights in {file.path} are stored as they are to be.",
            "Leave model.quantization out, or name the model folder that the file was made from.",
        )
    scaling = file.setting("rope.scaling.type")
    if scaling not in (None, "none"):
        raise ConfigError(
            f"the rotary positions in {file.path} are scaled ({scaling}), which transformers does not read from GGUF.",
            "Name the model folder that the file was made from, or let a server answer (answers.kind endpoint).",
        )
