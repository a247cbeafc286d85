"""Makes tiny, randomly initialised model folders that transformers loads: the real part that tests use for a model.

Weights are random (seeded), so what such a model writes is noise; everything around it is real: a trained byte-level
BPE tokenizer, a chat template in the family's own style, a configuration of the family's own class.
Not covered: models that know anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

Family = Literal["llama", "qwen3", "gemma"]

CHATML = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
GEMMA = (
    "{{ bos_token }}{%- for message in messages %}"
    "{%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{- '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}"
)

_SPECIAL: dict[str, dict[str, Any]] = {
    "llama": {"eos_token": "<|endoftext|>", "pad_token": "<|pad|>", "turns": ["<|im_start|>", "<|im_end|>"]},
    "qwen3": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "turns": ["<|im_start|>"]},
    "gemma": {
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "turns": ["<start_of_turn>", "<end_of_turn>"],
    },
}

_TEXT = (
    "Write a Rust function that returns the sum of the squares of the values greater than seven.",
    "pub fn solve(v: &[i64]) -> i64 {\n    v.iter().filter(|x| **x > 7).map(|x| x * x).sum()\n}\n",
    "pub fn solve(s: &str) -> usize {\n    s.chars().filter(|c| c.is_ascii_digit()).count()\n}\n",
    "system user assistant model You are a helpful assistant. How are you? I am fine.",
    "fn main() {\n    let mut total = 0;\n    for i in 0..10 {\n        total += i;\n    }\n    drop(total);\n}\n",
)


def make_tiny_model(
    folder: Path,
    family: Family = "llama",
    chat_template: bool = True,
    *,
    tie_embeddings: bool = True,
    dtype: Literal["float32", "bfloat16"] = "float32",
    seed: int = 0,
    shape: Mapping[str, int] | None = None,
) -> Path:
    """Write a model folder of about 50 thousand parameters and return it.

    Args:
        folder: made when missing.
        family: ``llama`` (end of turn is not the end of sequence), ``qwen3`` (it is), ``gemma`` (Gemma 3: a
            beginning-of-sequence token, sliding windows, no trailing special token shared with ChatML).
        chat_template: False leaves the template out, as base models do; the llama family then lacks turn tokens too.
        tie_embeddings: input and output embeddings share their matrix.
        dtype: of the weights on disk.
        seed: of the random weights.
        shape: further fields of the configuration, such as ``hidden_size``; the vocabulary may be larger than the
            tokenizer's.
    """
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = _tokenizer(family, chat_template)
    torch.manual_seed(seed)
    auto: Any = AutoModelForCausalLM
    model = auto.from_config(_config(family, tokenizer, tie_embeddings, shape or {}))
    model.to(getattr(torch, dtype))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(family: Family, chat_template: bool) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = dict(_SPECIAL[family])
    turns = special.pop("turns")
    if family == "llama" and not chat_template:
        turns = []
    names = list(special.values()) + turns
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        _TEXT,
        trainers.BpeTrainer(
            vocab_size=384,
            special_tokens=names,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    fast: Any = PreTrainedTokenizerFast
    tokenizer = fast(
        tokenizer_object=bpe,
        extra_special_tokens=turns,
        model_max_length=512,
        clean_up_tokenization_spaces=False,
        **special,
    )
    if chat_template:
        tokenizer.chat_template = GEMMA if family == "gemma" else CHATML
    return tokenizer


def _config(family: Family, tokenizer: Any, tie_embeddings: bool, said: Mapping[str, int]) -> Any:
    from transformers import Gemma3TextConfig, LlamaConfig, Qwen3Config

    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "tie_word_embeddings": tie_embeddings,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "initializer_range": 0.2,
        **said,
    }
    if family == "qwen3":
        return Qwen3Config(**shape)
    if family == "gemma":
        return Gemma3TextConfig(**shape, sliding_window=16, layer_types=["sliding_attention", "full_attention"])
    return LlamaConfig(**shape)
