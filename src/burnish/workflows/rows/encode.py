"""Encode the training rows of an sft stage, or read them from the cache.

The key of a cached set contains everything that decides it: the rows, the chat template and tokenizer, the trained and
cut parts, the limit, packing, and the code and libraries of the step. Left out on purpose: the gates, which look at
every set again (`workflows.train.sft`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from burnish.config.data.chat import ChatConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.data.cache import DatasetCache, step_version
from burnish.data.encode import chat as chat_module
from burnish.data.encode import encoded as encoded_module
from burnish.data.encode import packing as packing_module
from burnish.data.encode.chat import encode_examples
from burnish.data.encode.encoded import EncodedExample, load_rows, save_rows
from burnish.data.encode.packing import pack_lengths
from burnish.fsio import digest_bytes
from burnish.model.chat_template import template_digest
from burnish.records import Example
from burnish.records.layout import ENCODED, PACKS
from burnish.workflows.run.context import Run

STEP = "encode"


@dataclass(frozen=True)
class EncodedSet:
    """Encoded rows, and the rows that share a sequence."""

    rows: list[EncodedExample]
    packs: list[tuple[int, ...]] | None
    """None without packing, or when a row is longer than a sequence, which a gate refuses."""

    def longest(self) -> int:
        """Return the tokens of the longest sequence; 0 without rows."""
        return self._most([len(row.input_ids) for row in self.rows])

    def most_trained(self) -> int:
        """Return the most tokens in the loss of a sequence; 0 without rows."""
        return self._most([row.trained_tokens for row in self.rows])

    def _most(self, counts: Sequence[int]) -> int:
        packs = self.packs if self.packs is not None else [(place,) for place in range(len(counts))]
        return max((sum(counts[row] for row in pack) for pack in packs), default=0)


def encode_rows(
    examples: Sequence[Example], tokenizer: Any, stage: SftStage, chat: ChatConfig, cache: Path | None
) -> EncodedSet:
    """Encode rows and pack them if the stage does; raise DataError for an invalid row.

    Args:
        examples: the rows in training order.
        tokenizer: of the model that is trained.
        stage: gives the limit and packing.
        chat: what is trained and how conversations are truncated.
        cache: folder of the cache; None encodes every time, and `cache_of` never is.
    """
    if cache is None:
        return _encode(examples, tokenizer, stage, chat)

    def write(folder: Path) -> None:
        made = _encode(examples, tokenizer, stage, chat)
        save_rows(made.rows, folder)
        (folder / PACKS).write_text(json.dumps(made.packs), encoding="utf-8")

    folder = DatasetCache(cache).build(STEP, cache_key(examples, tokenizer, stage, chat), write)
    packs = json.loads((folder / PACKS).read_text(encoding="utf-8"))
    return EncodedSet(load_rows(folder), None if packs is None else [tuple(pack) for pack in packs])


def cache_of(run: Run) -> Path:
    """Return the folder of a run's encoded rows: in the recipe's cache, otherwise in its own folder."""
    return run.recipe.data.cache or run.folder.path / ENCODED


def cache_key(examples: Sequence[Example], tokenizer: Any, stage: SftStage, chat: ChatConfig) -> dict[str, Any]:
    """Build the cache key from everything that decides the encoded rows."""
    rows = hashlib.sha256()
    for example in examples:
        rows.update(example.to_json().encode() + b"\n")
    return {
        "rows": rows.hexdigest(),
        "chat template": template_digest(tokenizer),
        "tokenizer": digest_bytes(tokenizer.backend_tokenizer.to_str().encode()),
        "trained roles": list(chat.train_roles),
        "thinking": chat.thinking,
        "truncation": chat.truncate,
        "max_length": stage.max_length,
        "packing": stage.packing,
        "code": step_version(chat_module, encoded_module, packing_module),
        "transformers": version("transformers"),
        "tokenizers": version("tokenizers"),
    }


def _encode(examples: Sequence[Example], tokenizer: Any, stage: SftStage, chat: ChatConfig) -> EncodedSet:
    rows = encode_examples(examples, tokenizer, chat, stage.max_length)
    lengths = [len(row.input_ids) for row in rows]
    fits = max(lengths, default=0) <= stage.max_length
    return EncodedSet(rows, pack_lengths(lengths, stage.max_length) if stage.packing and fits else None)
