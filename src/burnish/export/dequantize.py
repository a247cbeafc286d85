"""Make a plain model folder of a GGUF file, once, so that it can be trained and carry adapters.

The folder is kept under the digest of the file (`kept_folder`), so a recipe whose ``model.base`` is a GGUF file expands
it on first use and finds it afterwards. A later change of how folders are made needs a new `FORMAT`.

Not covered: models that only answer, which are loaded from the file itself (`model.gguf.weights`).
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError, DiskError
from burnish.fsio import disk_errors, write_json
from burnish.model.folders import model_digest
from burnish.model.gguf.file import read_gguf

logger = logging.getLogger(__name__)

FORMAT = 2
"""Part of a kept folder's name; raise it when folders are made otherwise."""
ORIGIN = "dequantized.json"
"""What the folder was made of: file name, digest, how weights were stored in it, licence."""
CACHE = "BURNISH_MODELS"
"""Environment variable: folder for what is made of GGUF files, instead of ``~/.cache/burnish/models``."""

Precision = Literal["float32", "bfloat16"]
EXACT = ("F32", "F16")
"""Types of a GGUF file whose values bfloat16 cannot hold: such a file is not quantised, and keeps its precision."""

_CARD = """---
license: {license}
---

# {name}

Plain weights ({dtype}) of `{file}` (sha256 {digest}), {how}.
The licence is the one that the file declares.
"""


def kept_folder(file: Path) -> Path:
    """Return the folder of the dequantised ``file``, named by the digest of its content."""
    return _cache() / f"{file.stem}-{model_digest(file)[:16]}-v{FORMAT}"


def _cache() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not Path(cache).is_absolute():  # the specification has such a value ignored
        cache = "~/.cache"
    return Path(os.environ.get(CACHE) or f"{cache}/burnish/models").expanduser()


def dequantized(file: Path) -> Path:
    """Return the kept folder of the GGUF file ``file``, made if it is not there yet.

    Raises:
        ConfigError: the file is broken, or holds a model that transformers cannot load.
        MissingToolError: the package that reads GGUF is not installed.
        DiskError: nothing can be written where such folders are kept.
    """
    folder = kept_folder(file)
    if (folder / ORIGIN).is_file():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)  # one that somebody emptied in part
        with tempfile.TemporaryDirectory(dir=folder.parent):
            pass
    except OSError as error:
        raise DiskError(
            f"models made of GGUF files are kept in {folder.parent}, and nothing can be written there: {error}.",
            f"Name a folder that you may write to: export {CACHE}=FOLDER",
        ) from error
    logger.info("making plain weights of %s in %s, once", file, folder)
    _write(file, folder, None)
    return folder


def dequantize_to(file: Path, folder: Path, dtype: Precision | None = None) -> None:
    """Write the model of ``file`` to ``folder`` as plain weights, with tokenizer, chat template and a card.

    ``dtype`` None keeps what the file holds: float32 for weights in F32 or F16, otherwise bfloat16, which rounds less
    than quantising did. The folder appears whole or not at all; `dequantized` says what is raised, and ConfigError when
    it exists.
    """
    if folder.exists():
        raise ConfigError(f"{folder} exists.", "Give a folder that does not exist yet, or remove it.")
    _write(file, folder, dtype)


def _write(file: Path, folder: Path, dtype: Precision | None) -> None:
    if read_gguf(file).rope_factors is not None:
        raise ConfigError(
            f"the rotary positions in {file} are scaled by factors, which a model folder cannot hold.",
            "Use the model folder that the file was made from; burnish generate and evaluate take the file as it is.",
        )
    import torch

    from burnish.model.base import load_model, quiet_transformers

    stored = _stored_type(file)
    precision = dtype or ("float32" if stored in EXACT else "bfloat16")
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own for each process, also on another machine with the same cache.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.", suffix=".tmp") as temporary:
            made = Path(temporary) / folder.name
            loaded = load_model(file, ModelConfig(base=str(file), dtype="float32", device="cpu"))
            model: Any = loaded.model.to(getattr(torch, precision))
            with quiet_transformers():
                # transformers refuses to save what it loaded from GGUF while it still takes it for quantised.
                model.config.__dict__.pop("quantization_config", None)
                model.hf_quantizer = None
                model.save_pretrained(made)
                loaded.tokenizer.save_pretrained(made)
            origin = _origin(file, stored, precision)
            (made / "README.md").write_text(_card(origin), encoding="utf-8")
            write_json(made / ORIGIN, origin)
            try:
                made.rename(folder)
            except OSError:
                if not (folder / ORIGIN).is_file():  # another process may have made it meanwhile
                    raise


def _card(origin: dict[str, str]) -> str:
    stored = origin["stored"]
    how = f"stored there as {stored}"
    if stored not in EXACT:
        lost = "what quantising took away is not restored, so this is not the model that the file was made from"
        how = f"dequantised {stored}: {lost}"
    return _CARD.format(**origin, how=how)


def _stored_type(file: Path) -> str:
    """Name the type that most matrices have: a file of Q4_1 keeps norms in F32 and the embeddings in Q6_K."""
    from gguf import GGUFReader

    types = Counter(tensor.tensor_type.name for tensor in GGUFReader(file).tensors if len(tensor.shape) > 1)
    return str(types.most_common(1)[0][0])


def _origin(file: Path, stored: str, dtype: str) -> dict[str, str]:
    metadata = read_gguf(file).metadata
    return {
        "name": str(metadata.get("general.name", file.stem)),
        "file": file.name,
        "digest": model_digest(file),
        "stored": stored,
        "dtype": dtype,
        "license": str(metadata.get("general.license") or "not declared in the file"),
    }
