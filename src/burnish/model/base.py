"""Load a causal language model, with or without an adapter, from a folder or a GGUF file: offline, no remote code.

Not covered: quantised layers (`model.quantized`), models spread over several devices, tokenizers without a Rust
backend.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from burnish.config.model import ModelConfig
from burnish.errors import ConfigError, DeviceMemoryError
from burnish.fsio import digest_json
from burnish.model.adapters import check_origin, read_origin
from burnish.model.attention import choose_attention
from burnish.model.chat_template import template_digest
from burnish.model.folders import check_model_folder, model_digest
from burnish.model.precision import resolve_dtype, width_of
from burnish.model.quantized import dequantize, finish_loading, loading_options
from burnish.model.source import StoredFolder, StoredGguf, load_tokenizer, stored_at
from burnish.wording import first_line

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model in evaluation mode on its device, with its tokenizer."""

    model: PreTrainedModel
    """The model, or the PEFT model around it."""
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    digest: str
    """Digest of the weight files (base and any adapter) and of their quantisation."""


def resolve_device(config: ModelConfig) -> torch.device:
    """Resolve ``config.device`` here; raise ConfigError for a missing accelerator."""
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise ConfigError("model.device is 'cuda', and torch finds no CUDA device.", "Set model.device to auto or cpu.")
    return torch.device("cuda" if available and config.device != "cpu" else "cpu")


@contextlib.contextmanager
def device_memory(doing: str, way_out: str) -> Iterator[None]:
    """Raise an accelerator's out-of-memory as a DeviceMemoryError."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceMemoryError(f"the accelerator ran out of memory while {doing}.", way_out) from error


def free_memory() -> None:
    """Give back what a model that is gone has held of the accelerator."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def load_model(path: Path, config: ModelConfig) -> LoadedModel:
    """Load weights and tokenizer from ``path``, a folder or a GGUF file, quantised as ``config`` says.

    Raises:
        ConfigError: files are missing or broken, the architecture is unknown, is not a causal language model or needs
        code from the folder, the tokenizer has more entries than the model has embeddings, or the weights are
            stored quantised otherwise than ``config`` says.
        MissingToolError: the package that quantises, or reads GGUF, is not installed.
        DeviceMemoryError: it does not fit on the accelerator.
    """
    stored = stored_at(path)
    stored.check(config.quantization)
    tokenizer = load_tokenizer(path)
    device = resolve_device(config)
    with device_memory(f"loading {path}", "Set model.device to cpu, or use a smaller model."):
        model = _load_on_device(stored, config, device)
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ConfigError(
            f"the tokenizer in {path} has {len(tokenizer)} entries and the model only {rows} embeddings.",
            "Tokenizer and weights must come from the same model.",
        )
    model.eval()
    return LoadedModel(model, tokenizer, device, _digest(path, config))


def _digest(path: Path, config: ModelConfig) -> str:
    stored = model_digest(path)
    return stored if config.quantization is None else digest_json([stored, config.quantization.model_dump(mode="json")])


def _load_on_device(stored: StoredFolder | StoredGguf, config: ModelConfig, device: torch.device) -> Any:
    quantization = config.quantization
    with stored.arguments() as source:
        settings = source.get("config") or AutoConfig.from_pretrained(str(stored.path), local_files_only=True)
        dtype = resolve_dtype(config, device, width_of(settings))
        chosen = choose_attention(config.attention, device, dtype, _model_class(settings))
        attention = {"attn_implementation": chosen.name}
        if quantization is None:
            model = _load_weights(stored.path, dtype, **source, **attention)
            stored.finish(model)
            return model.to(device)
        options = loading_options(quantization, dtype, device)
        model = _load_weights(stored.path, dtype, **source, **attention, **options)
        return finish_loading(model, quantization, dtype, device)


def _model_class(config: Any) -> type[Any]:
    auto: Any = AutoModelForCausalLM
    mapping = auto._model_mapping
    model_class: type[Any] = mapping[type(config)]
    return model_class


def load_adapter(base: Path, adapter: Path, config: ModelConfig, *, dequantized: bool = False) -> LoadedModel:
    """Load ``base`` with the adapter, after checking that they belong together.

    An adapter trained on another quantisation of the base is loaded with a warning in the log: the pair answers
    slightly differently than in training. With ``dequantized`` the base is quantised, and its 4-bit layers are then
    expanded to plain weights.

    Raises:
        ConfigError: as `load_model`; or the adapter was trained on another base model or chat template.
    """
    from peft import PeftModel

    check_model_folder(base)
    check_origin(adapter, base_digest=model_digest(base), template_digest=template_digest(load_tokenizer(base)))
    trained_on = read_origin(adapter).quantization
    now = None if config.quantization is None else config.quantization.kind
    if trained_on != now:
        logger.warning(
            "%s was trained on %s weights, and is loaded on %s ones", adapter, trained_on or "full", now or "full"
        )
    loaded = load_model(base, config)
    with device_memory(f"loading {adapter}", "Set model.device to cpu, or use a smaller model."):
        with quiet_transformers():
            plain = dequantize(loaded.model) if dequantized else loaded.model
        model: Any = PeftModel.from_pretrained(plain, str(adapter), local_files_only=True)
    model.eval()
    return LoadedModel(model, loaded.tokenizer, loaded.device, digest_json([loaded.digest, model_digest(adapter)]))


def stored_dtype(path: Path) -> torch.dtype:
    """Return the dtype of most weights in a model folder; float32 without safetensors."""
    size_by_dtype: dict[torch.dtype, int] = {}
    for file in sorted(path.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  a safetensors handle is not a mapping
                piece = tensors.get_slice(name)
                dtype = _DTYPES.get(piece.get_dtype(), torch.int8)
                size_by_dtype[dtype] = size_by_dtype.get(dtype, 0) + math.prod(piece.get_shape())
    return max(size_by_dtype, key=lambda dtype: size_by_dtype[dtype]) if size_by_dtype else torch.float32


_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def _load_weights(path: Path, dtype: torch.dtype, **options: Any) -> Any:
    loader: Any = AutoModelForCausalLM
    with quiet_transformers():
        try:
            model, info = loader.from_pretrained(
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                **options,
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise ConfigError(
                f"the weights in {path} cannot be loaded: {first_line(error)}.",
                "Copy or download the model's files again; they may be truncated or belong to another model.",
            ) from error
    absent = sorted(info["missing_keys"]) + sorted(str(key) for key in info["mismatched_keys"])
    if absent:
        raise ConfigError(
            f"the weights in {path} lack {len(absent)} tensors, among them {absent[0]}.",
            "Copy or download the model's files again; transformers would fill the gap with random numbers.",
        )
    return model


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Hide bars and warnings while weights load or are saved; `_load_weights` raises the important ones."""
    settings: Any = transformers_logging
    verbosity, bars = settings.get_verbosity(), settings.is_progress_bar_enabled()
    settings.set_verbosity_error()
    settings.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # It warns that the folder's own quantisation wins over ours, which is intended.
            warnings.filterwarnings("ignore", "You passed `quantization_config`", UserWarning)
            yield
    finally:
        settings.set_verbosity(verbosity)
        if bars:
            settings.enable_progress_bar()
