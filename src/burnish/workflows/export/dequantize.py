"""Write the weights of a GGUF file as a plain model folder, without a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from burnish.errors import ConfigError
from burnish.export.dequantize import ORIGIN, Precision, dequantize_to
from burnish.fsio import RESTORE, read_object
from burnish.model.folders import is_gguf


def export_dequantized(file: Path, out: Path, dtype: Precision | None) -> dict[str, Any]:
    """Write the model of ``file`` to ``out``; return what it was made of.

    Raises ConfigError when ``file`` is not a GGUF file that transformers can load, or ``out`` exists.
    """
    if not is_gguf(file):
        problem = "is not a GGUF file" if file.exists() else "does not exist"
        raise ConfigError(f"{file} {problem}.", "Give the GGUF file of a model.")
    dequantize_to(file, out, dtype=dtype)
    return read_object(out / ORIGIN, RESTORE)
