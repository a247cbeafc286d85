"""Resolve a model that the user named, once: its kind, files, digest, tokenizer and weights.

`ModelSource` is the resolved model, with its adapter and settings. `stored_at` tells how its files are stored, as a
folder or GGUF: every difference between the two while loading is here, and no other module asks which it is. Imports
torch only when something is loaded.

Not covered: names of runs and stages (`workflows.answer.find_model`), hub names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from burnish.config.model import ModelConfig
from burnish.config.quantization import QuantizationConfig
from burnish.errors import ConfigError
from burnish.fsio import digest_json
from burnish.model.chat_template import ensure_chat_template
from burnish.model.folders import (
    NANO,
    check_model_folder,
    check_stored_quantization,
    digested_files,
    is_gguf,
    model_digest,
    read_model_config,
)
from burnish.model.gguf.file import check_gguf, read_gguf
from burnish.records.layout import ORIGIN
from burnish.wording import first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SourceKind = Literal["embedded", "folder", "gguf", "adapter", "checkpoint"]
"""The model inside the package, a model folder, a GGUF file, an adapter on a base, a checkpoint of such an adapter."""


@dataclass(frozen=True)
class ModelSource:
    """A resolved model."""

    name: str
    """Name in tables."""
    base: Path
    """A model folder or a GGUF file."""
    adapter: Path | None
    config: ModelConfig
    """Settings of loading: by default quantised as in its run."""

    @property
    def digests(self) -> dict[str, str]:
        """Return digests of the files that decide its output."""
        digests = {"base model": model_digest(self.base)}
        return digests if self.adapter is None else digests | {"adapter": model_digest(self.adapter)}

    @property
    def digest(self) -> str:
        """Return one digest of everything that decides its output, including quantisation and precision."""
        config = self.config.model_dump(mode="json", include={"dtype", "quantization"})
        return digest_json([self.digests, config])

    @cached_property
    def kind(self) -> SourceKind:
        """Return the kind that decides how it is loaded; a checkpoint's origin is recorded beside it."""
        if self.adapter is not None:
            named = self.adapter.name.startswith("checkpoint-")
            return "checkpoint" if named and not (self.adapter / ORIGIN).is_file() else "adapter"
        if is_gguf(self.base):
            return "gguf"
        return "embedded" if self.base == NANO else "folder"

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files that decide its output."""
        return tuple(digested_files(self.base) + ([] if self.adapter is None else digested_files(self.adapter)))

    def tokenizer(self) -> Any:
        """Load its tokenizer, ready to render conversations. Raises what `load_tokenizer` raises."""
        return load_tokenizer(self.base)


@dataclass(frozen=True)
class StoredFolder:
    """A model in a folder, as transformers saves it."""

    path: Path

    def check(self, quantization: QuantizationConfig | None) -> None:
        """Raise ConfigError for missing files, an unknown architecture, or another quantisation than requested."""
        check_model_folder(self.path)
        self._check_architecture()
        check_stored_quantization(self.path, quantization)

    def tokenizer(self) -> Any:
        """Load the tokenizer of the folder; raise ConfigError when it cannot be used."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(str(self.path), local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ConfigError(
                f"the tokenizer in {self.path} cannot be loaded: {first_line(error)}.",
                "Save it again with tokenizer.save_pretrained(folder), with tokenizer.json in it.",
            ) from error
        if not tokenizer.is_fast:
            raise ConfigError(
                f"the tokenizer in {self.path} has no tokenizer.json, so characters cannot be mapped to tokens.",
                "Convert it: AutoTokenizer.from_pretrained(folder).save_pretrained(folder) with the tokenizers "
                "package.",
            )
        return tokenizer

    @contextlib.contextmanager
    def arguments(self) -> Iterator[dict[str, Any]]:
        """Return arguments of transformers' ``from_pretrained``."""
        yield {"pretrained_model_name_or_path": str(self.path)}

    def finish(self, model: Any) -> None:
        """Do nothing: a folder needs no further step."""

    def _check_architecture(self) -> None:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

        config = read_model_config(self.path)
        model_type = str(config["model_type"])
        if model_type not in CONFIG_MAPPING:
            why = "is unknown"
            if "auto_map" in config:
                why = "needs Python code from its folder, and burnish never runs such code"
            raise ConfigError(
                f"the model type {model_type!r} in {self.path} {why}.",
                "Use a model whose architecture is part of the installed transformers.",
            )
        if model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
            raise ConfigError(
                f"the model type {model_type!r} in {self.path} is not a causal language model.",
                "Use a decoder-only language model, such as Llama, Qwen or Gemma.",
            )


@dataclass(frozen=True)
class StoredGguf:
    """A model in one GGUF file."""

    path: Path

    def check(self, quantization: QuantizationConfig | None) -> None:
        """Raise ConfigError when the file does not hold a whole model, or one that would compute other results."""
        check_gguf(read_gguf(self.path), quantization)

    def tokenizer(self) -> Any:
        """Load the tokenizer of the file."""
        from burnish.model.gguf.tokenizer import gguf_tokenizer

        return gguf_tokenizer(read_gguf(self.path))

    @contextlib.contextmanager
    def arguments(self) -> Iterator[dict[str, Any]]:
        """Yield arguments of transformers' ``from_pretrained``, ``config`` among them, while the context is open."""
        from burnish.model.gguf.weights import gguf_source

        with gguf_source(read_gguf(self.path)) as source:
            yield source

    def finish(self, model: Any) -> None:
        """Set the values that loading left out."""
        from burnish.model.gguf.weights import finish_gguf

        finish_gguf(model, read_gguf(self.path))


def stored_at(path: Path) -> StoredFolder | StoredGguf:
    """Return how the model in ``path`` is stored."""
    return StoredGguf(path) if is_gguf(path) else StoredFolder(path)


def load_tokenizer(path: Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a folder or GGUF file, with chat template and padding token.

    A missing chat template is added (see `model.chat_template`). A missing padding token becomes the end-of-sequence
    token; attention masks keep padding out either way.

    Raises:
        ConfigError: it is missing or unreadable, or characters cannot be mapped to its tokens.
        MissingToolError: it is in a GGUF file, and the package that reads one is not installed.
    """
    tokenizer: Any = stored_at(path).tokenizer()
    ensure_chat_template(tokenizer)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return cast("PreTrainedTokenizerBase", tokenizer)
