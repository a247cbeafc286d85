"""Writes a folder of `tests.tiny_models` as one GGUF file, under the names and rules of llama.cpp's converter.

Covers the llama and qwen3 families, byte-level vocabularies, f32 and Q8_0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gguf import MODEL_ARCH_NAMES, GGMLQuantizationType, GGUFWriter, TokenType, get_tensor_name_map, quants

NORMAL, CONTROL = int(TokenType.NORMAL), int(TokenType.CONTROL)


def write_gguf(
    folder: Path,
    file: Path,
    *,
    q8: bool = False,
    pre: str = "gpt-2",
    tokenizer: bool = True,
    architecture: str | None = None,
    more: Mapping[str, Any] | None = None,
    extra_tensors: Mapping[str, np.ndarray[Any, Any]] | None = None,
) -> Path:
    """Write ``file`` and return it.

    Args:
        folder: of the model.
        file: to write.
        q8: matrices in blocks of 8 bits, as Q8_0 files have them.
        pre: how the vocabulary splits text.
        tokenizer: False leaves it out.
        architecture: another name than the true one.
        more: further metadata, over what is written anyway.
        extra_tensors: beside those of the model.
    """
    config = json.loads((folder / "config.json").read_text())
    arch = architecture or config["model_type"]
    writer = GGUFWriter(file, arch)
    _write_settings(writer, config)
    if tokenizer:
        _write_tokenizer(writer, folder, pre)
    for key, value in (more or {}).items():
        if isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_uint32(key, value)
    for name, weights in (_tensors(folder, config) | dict(extra_tensors or {})).items():
        if q8 and weights.ndim == 2:
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quants.quantize(weights, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _write_settings(writer: GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_vocab_size(config["vocab_size"])


def _write_tokenizer(writer: GGUFWriter, folder: Path, pre: str) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    stored = json.loads((folder / "tokenizer.json").read_text())
    special = {one["content"] for one in stored["added_tokens"]}
    tokens = [tokenizer.convert_ids_to_tokens(index) for index in range(len(tokenizer))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([CONTROL if token in special else NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in stored["model"]["merges"]])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _tensors(folder: Path, config: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    from safetensors.torch import load_file

    [arch] = [key for key, name in MODEL_ARCH_NAMES.items() if name == config["model_type"]]
    names = get_tensor_name_map(arch, config["num_hidden_layers"])
    found = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        weights = tensor.float().numpy()
        if config["model_type"] == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = config["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
            weights = permuted(weights, heads)
        stored = names.get_name(name, try_suffixes=(".weight",))
        assert stored is not None, name
        found[stored] = weights
    return found


def permuted(weights: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Rows of each head from halves, as transformers rotates them, to neighbours, as llama.cpp does."""
    half = weights.shape[0] // heads // 2
    return weights.reshape(heads, 2, half, weights.shape[1]).swapaxes(1, 2).reshape(weights.shape)
