"""Build the tokenizer of a GGUF file from the metadata that llama.cpp reads.

transformers' own conversion is not used: it leaves out how a byte-level vocabulary splits text before merging
(``tokenizer.ggml.pre``), which tokens are special, and which id begins and ends a sequence, so a prompt would become
other tokens than the model was trained on.

Two kinds of vocabulary: byte-level BPE (``gpt2``) with the splits of `SPLITS`, and SentencePiece BPE (``llama``).
Not covered: unigram, WordPiece, and splits that are not listed; they are refused.
"""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import generate_merges

from burnish.errors import ConfigError
from burnish.model.gguf.file import GgufFile

CONTROL, USER_DEFINED = 3, 4
"""Kinds in ``tokenizer.ggml.token_type`` that are matched in text before merging."""

SPACE = "▁"
_OTHER_WAY = "Use the model folder that the file was made from, or a server (answers.kind endpoint)."

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_AROUND_DIGITS = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA_3 = _AROUND_DIGITS.replace("DIGITS", r"\p{N}{1,3}")
QWEN_2 = _AROUND_DIGITS.replace("DIGITS", r"\p{N}")

SPLITS = {
    "gpt-2": "",
    "smollm": "digits",
    "starcoder": "digits",
    "refact": "digits",
    "command-r": "digits",
    "llama-bpe": LLAMA_3,
    "qwen2": QWEN_2,
    "deepseek-r1-qwen": QWEN_2,
}
"""``tokenizer.ggml.pre`` -> no split before GPT-2's, single digits before it, or an expression instead of it. The names
and expressions are llama.cpp's (``src/llama-vocab.cpp``)."""


def gguf_tokenizer(file: GgufFile) -> PreTrainedTokenizerBase:
    """Build the tokenizer in the file, with special tokens and any chat template.

    Raises:
        ConfigError: the file has no tokenizer, or an unsupported kind.
    """
    tokens = file.metadata.get("tokenizer.ggml.tokens")
    if not tokens:
        raise ConfigError(f"{file.path} has no tokenizer.", _OTHER_WAY)
    kind = file.metadata.get("tokenizer.ggml.model")
    if kind == "gpt2":
        backend = _byte_level(file, tokens)
    elif kind == "llama":
        backend = _sentencepiece(file, tokens)
    else:
        raise ConfigError(f"the tokenizer in {file.path} is of the unsupported kind {kind!r}.", _OTHER_WAY)
    _mark_special(backend, file, tokens)
    roles = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    special = {name: None if (id_ := file.token_id(role)) is None else tokens[id_] for name, role in roles.items()}
    adds_bos = file.metadata.get("tokenizer.ggml.add_bos_token", _default_adds_bos(file))
    fast: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerBase = fast(
        tokenizer_object=backend,
        add_bos_token=bool(adds_bos) and special["bos_token"] is not None,
        chat_template=file.metadata.get("tokenizer.chat_template"),
        clean_up_tokenization_spaces=False,
        **special,
    )
    return tokenizer


def _default_adds_bos(file: GgufFile) -> bool:
    """Return whether llama.cpp adds the begin token by default."""
    return file.metadata.get("tokenizer.ggml.model") == "llama" or _pre(file) == "llama-bpe"


def _pre(file: GgufFile) -> str | None:
    name = file.metadata.get("tokenizer.ggml.pre")
    return None if name is None else str(name)


def _byte_level(file: GgufFile, tokens: list[str]) -> Tokenizer:
    name = _pre(file)
    if name not in SPLITS:
        raise ConfigError(
            f"the tokenizer in {file.path} splits text in an unsupported way (tokenizer.ggml.pre is {name!r}).",
            _OTHER_WAY,
        )
    merges = [tuple(merge.split(" ", 1)) for merge in file.metadata.get("tokenizer.ggml.merges", [])]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    model: Any = models.BPE
    tokenizer = Tokenizer(model(vocab=vocabulary, merges=merges, ignore_merges=name == "llama-bpe"))
    split = SPLITS[name]
    steps: list[Any] = []
    if split == "digits":
        steps.append(pre_tokenizers.Digits(individual_digits=True))
    elif split:
        steps.append(pre_tokenizers.Split(Regex(split), "isolated"))
    plain = split in ("", "digits")
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=plain))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    if split == QWEN_2:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _sentencepiece(file: GgufFile, tokens: list[str]) -> Tokenizer:
    """Rebuild the merges, which are not stored: pieces merge by the score of their result."""
    vocabulary = {token: index for index, token in enumerate(tokens)}
    scores = dict(zip(tokens, file.metadata.get("tokenizer.ggml.scores", [0.0] * len(tokens)), strict=True))
    unknown = file.token_id("unknown")
    model: Any = models.BPE
    tokenizer = Tokenizer(
        model(
            vocab=vocabulary,
            merges=generate_merges(vocabulary, scores),
            unk_token=None if unknown is None else tokens[unknown],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    prefix = bool(file.metadata.get("tokenizer.ggml.add_space_prefix", True))
    before: list[Any] = [normalizers.Prepend(SPACE)] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*before, normalizers.Replace(" ", SPACE)])
    after: list[Any] = [decoders.Strip(" ", 1, 0)] if prefix else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *after]
    )
    return tokenizer


def _mark_special(tokenizer: Tokenizer, file: GgufFile, tokens: list[str]) -> None:
    kinds = file.metadata.get("tokenizer.ggml.token_type", [])
    for index, kind in enumerate(kinds):
        if kind in (CONTROL, USER_DEFINED):
            added = AddedToken(tokens[index], normalized=False, special=kind == CONTROL)
            if kind == CONTROL:
                tokenizer.add_special_tokens([added])
            else:
                tokenizer.add_tokens([added])
