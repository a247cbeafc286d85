"""Load the weights of a GGUF file with transformers, which expands them to plain tensors.

The model has the quality of the stored weights, and the speed and memory of plain ones. Values that transformers does
not read are set here: the ids that begin and end a sequence, the width of an attention head, and the factors of Llama
3's rotary frequencies. A tensor that transformers would drop is an error.

Not covered: keeping the weights packed; training or saving such a model.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from transformers import AutoConfig, GgufConfig, modeling_gguf_pytorch_utils
from transformers.integrations.gguf import is_gguf_arch_supported
from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor, get_gguf_hf_weights_map
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from burnish.errors import ConfigError
from burnish.model.gguf.file import ROPE_FACTORS, GgufFile

_NAME = "model.gguf"
_ANOTHER = "Use the model folder that the file was made from, or a server (answers.kind endpoint)."


@contextlib.contextmanager
def gguf_source(file: GgufFile) -> Iterator[dict[str, Any]]:
    """Yield arguments of ``from_pretrained``, with ``config``, valid while the context is open.

    The file is linked into an empty folder, so no neighbouring file is read: its digest is the model's digest.

    Raises:
        ConfigError: the architecture is unknown, or not a causal language model.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / _NAME).symlink_to(file.path)
        where = {"pretrained_model_name_or_path": folder, "gguf_file": _NAME}
        options: Any = GgufConfig
        # transformers draws a bar while it expands tensors, into whatever the program prints.
        with patch.object(modeling_gguf_pytorch_utils, "tqdm", lambda tensors, **_options: tensors):
            yield where | {"config": _config(file, where), "quantization_config": options(dequantize=True)}


def _config(file: GgufFile, where: dict[str, str]) -> Any:
    auto: Any = AutoConfig
    try:
        config = auto.from_pretrained(**where, local_files_only=True)
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"the installed transformers does not support GGUF files of the architecture {file.architecture!r} in "
            f"{file.path}.",
            _ANOTHER,
        ) from error
    if config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise ConfigError(
            f"the architecture {file.architecture!r} in {file.path} is not a causal language model.",
            "Use a decoder-only language model, such as Llama, Qwen or Gemma.",
        )
    ends = [token for role in ("eos", "eot") if (token := file.token_id(role)) is not None]
    config.bos_token_id, config.pad_token_id = file.token_id("bos"), file.token_id("padding")
    config.eos_token_id = list(dict.fromkeys(ends)) if len(set(ends)) > 1 else next(iter(ends), None)
    width = file.setting("attention.key_length")
    if width is not None and hasattr(config, "head_dim"):
        config.head_dim = width
    return config


def finish_gguf(model: Any, file: GgufFile) -> None:
    """Set values that loading left out; raise ConfigError when tensors are missing."""
    known = _known(model, file)  # building this map takes seconds, so it is built once and not for each tensor
    left = [name for name in file.tensors if name not in known]
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
    """Return the names of the file's tensors that transformers loads."""
    if is_gguf_arch_supported(file.architecture):
        return frozenset(file.tensors) - {
            ROPE_FACTORS
        }  # transformers loads these by rules and reports their gaps itself
    processor: Any = TENSOR_PROCESSORS.get(file.architecture, TensorProcessor)
    return frozenset(get_gguf_hf_weights_map(model, processor(config=model.config.to_dict())))
