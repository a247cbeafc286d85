"""Adapters on tied embeddings: one matrix is read as embeddings and as output, and an adapter would lie on one of both.

Merged, it would change the other one too, so that the merged model is another. Told here from the configuration alone,
so that it is refused when a recipe is read; `train.weights.adapters` asks the model itself. Not covered:
``modules_to_save``, which keeps both tied.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from burnish.config.stages.adapters import AdapterConfig, FullWeights
from burnish.errors import ConfigError
from burnish.fsio import read_object

EMBEDDINGS = frozenset(
    {"lm_head", "embed_tokens", "embed_out", "embed_in", "wte", "word_embeddings", "output_embeddings"}
)
"""Names that architectures give to the embeddings and the output layer."""
_TIED_UNSAID = ("gemma", "gpt2", "opt", "bloom", "gpt_neo", "codegen", "cohere", "mpt", "starcoder2", "xglm")
"""Families whose configurations tie embeddings without a word in ``config.json``."""


def check_embedding_targets(adapter: AdapterConfig, folder: Path) -> None:
    """Raise ConfigError where the adapter names embeddings that the model in ``folder`` ties."""
    if isinstance(adapter, FullWeights) or isinstance(adapter.target_modules, str):
        return
    named = [name for name in adapter.target_modules if name.rsplit(".", 1)[-1] in EMBEDDINGS]
    path = folder / "config.json"
    if named and path.is_file() and _tied(read_object(path)):
        raise tied_target(named[0])


def tied_target(name: str) -> ConfigError:
    """Build the error of an adapter on one side of tied embeddings."""
    return ConfigError(
        f"adapter.target_modules names {name}, but the model ties its embeddings to its output layer: an adapter "
        "on one would change the other when merged.",
        "Take it out of target_modules; modules_to_save=[embed_tokens] trains both, and keeps them tied.",
    )


def _tied(config: dict[str, Any]) -> bool:
    text = config.get("text_config")
    tied = (text if isinstance(text, dict) else config).get("tie_word_embeddings", config.get("tie_word_embeddings"))
    return str(config.get("model_type", "")).startswith(_TIED_UNSAID) if tied is None else bool(tied)
