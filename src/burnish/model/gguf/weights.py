"""Weights of a GGUF file through transformers, which expands them to plain tensors while loading.

A model so answers with the quality of the stored weights, at the speed and with the memory of plain ones. What
transformers does not read is set here: the ids that begin and end a sequence, the width of an attention head, and the
factors of Llama 3's rotary frequencies. A tensor that it would leave out is an error.

Not covered: keeping the weights packed; training or saving such a model.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, GgufConfig
from transformers.integrations.gguf import is_gguf_arch_supported
from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor, get_gguf_hf_weights_map
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from burnish.errors import ConfigError
from burnish.model.gguf.file import ROPE_FACTORS, GgufFile

_NAME = "model.gguf"
_ANOTHER = "Name the model folder that the file was made from, or let a server answer (answers.kind endpoint)."


@contextlib.contextmanager
def gguf_source(file: GgufFile) -> Iterator[dict[str, Any]]:
    """Arguments of transformers' ``from_pretrained``, ``config`` among them, good as long as the context is open.

    The file is shown alone in a folder: of what lies beside it nothing may be read, for its digest is the model's.

    Raises:
        ConfigError: the architecture is unknown, or is no causal language model.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / _NAME).symlink_to(file.path)
        where = {"pretrained_model_name_or_path": folder, "gguf_file": _NAME}
        options: Any = GgufConfig
        yield where | {"config": _config(file, where), "quantization_config": options(dequantize=True)}


def _config(file: GgufFile, where: dict[str, str]) -> Any:
    auto: Any = AutoConfig
    try:
        config = auto.from_pretrained(**where, local_files_only=True)
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"the installed transformers knows no GGUF of the architecture {file.architecture!r} in {file.path}.",
            _ANOTHER,
        ) from error
    if config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise ConfigError(
            f"the architecture {file.architecture!r} in {file.path} is no causal language model.",
            "Take a decoder-only language model, such as Llama, Qwen or Gemma.",
        )
    ends = [one for role in ("eos", "eot") if (one := file.token_id(role)) is not None]
    config.bos_token_id, config.pad_token_id = file.token_id("bos"), file.token_id("padding")
    config.eos_token_id = list(dict.fromkeys(ends)) if len(set(ends)) > 1 else next(iter(ends), None)
    width = file.setting("attention.key_length")
    if width is not None and hasattr(config, "head_dim"):
        config.head_dim = width
    return config


def finish_gguf(model: Any, file: GgufFile) -> None:
    """Set what loading left out, and raise ConfigError when it left out more than can be set."""
    left = [name for name in file.tensors if name not in _known(model, file)]
    if file.rope_factors is not None:
        rotary = getattr(model.base_model, "rotary_emb", None)
        if rotary is not None and rotary.inv_freq.shape == (len(file.rope_factors),):
            rotary.inv_freq.div_(torch.tensor(file.rope_factors))
            left.remove(ROPE_FACTORS)
    if left:
        raise ConfigError(
            f"transformers leaves out {len(left)} tensors of {file.path}, among them {left[0]}.", _ANOTHER
        )


def _known(model: Any, file: GgufFile) -> frozenset[str]:
    """Names of the file's tensors that transformers puts somewhere in the model."""
    if is_gguf_arch_supported(file.architecture):
        return frozenset(file.tensors) - {ROPE_FACTORS}  # it loads these by rules whose gaps it reports
    processor: Any = TENSOR_PROCESSORS.get(file.architecture, TensorProcessor)
    return frozenset(get_gguf_hf_weights_map(model, processor(config=model.config.to_dict())))
