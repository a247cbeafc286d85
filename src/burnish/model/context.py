"""Read the context of a model, the tokens it takes at once, from its configuration.

Beyond it a model with learned positions fails on an index, and one with rotary positions writes nonsense. Not
covered: contexts that a runtime extends.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from burnish.fsio import read_object

_KEYS = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length", "n_ctx")
"""Its names in model families; the first one present counts."""


def context_length(model: Any) -> int | None:
    """Return the context of a loaded model; None if its configuration does not tell."""
    config = model.config.get_text_config()
    return next((tokens for key in _KEYS if (tokens := _tokens(getattr(config, key, None))) is not None), None)


def folder_context(folder: Path) -> int | None:
    """Return the context of a model folder without its weights; None if its ``config.json`` does not tell."""
    path = folder / "config.json"
    if not path.is_file():  # such as a GGUF file
        return None
    config = read_object(path)
    text = config.get("text_config")
    settings: Mapping[str, Any] = text if isinstance(text, dict) else config
    return next((tokens for key in _KEYS if (tokens := _tokens(settings.get(key))) is not None), None)


def _tokens(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
