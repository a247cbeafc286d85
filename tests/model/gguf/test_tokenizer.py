"""The tokenizer of a GGUF file makes the tokens of the one that it was written from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.model.folders import NANO
from burnish.model.gguf.file import GgufFile
from burnish.model.gguf.tokenizer import gguf_tokenizer
from burnish.model.source import load_tokenizer
from tests.tiny_gguf import write_gguf
from tests.tiny_models import make_tiny_model

TEXTS = (
    "pub fn solve(v: &[i64]) -> i64 {\n    v.iter().filter(|x| **x > 12345).sum()\n}\n",
    "<|im_start|>user\nIt's 1024 café 日本語 🙂\t  \n\n<|im_end|>\n",
    "",
    "   x = 007;\r\n\r\n'LL we've",
)


def same_tokens(a: Any, b: Any) -> None:
    for text in TEXTS:
        ids = a(text, add_special_tokens=False)["input_ids"]
        assert b(text, add_special_tokens=False)["input_ids"] == ids
        assert b.decode(ids) == a.decode(ids)
        assert b.decode(ids, skip_special_tokens=True) == a.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_a_gguf_file_has_the_tokens_and_template_of_its_folder(tmp_path: Path, family: Any) -> None:
    folder = load_tokenizer(make_tiny_model(tmp_path, family))
    file = load_tokenizer(write_gguf(tmp_path, tmp_path / "m.gguf"))
    same_tokens(folder, file)
    assert file.chat_template == folder.chat_template
    for name in ("bos_token", "eos_token", "pad_token"):
        assert getattr(file, name) == getattr(folder, name)


def test_digits_are_tokens_of_their_own_in_the_embedded_model(tmp_path: Path) -> None:
    file = write_gguf(NANO, tmp_path / "nano.gguf", pre="smollm")
    same_tokens(load_tokenizer(NANO), load_tokenizer(file))


def test_a_file_without_a_chat_template_gets_one(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path, chat_template=False)
    file = load_tokenizer(write_gguf(folder, tmp_path / "m.gguf"))
    assert file.chat_template == load_tokenizer(folder).chat_template


def pieces(pre: str, text: str) -> list[str]:
    """How a vocabulary splits text before merging."""
    metadata = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": pre, "tokenizer.ggml.tokens": ["a", "b"]}
    tokenizer: Any = gguf_tokenizer(GgufFile(Path("m.gguf"), metadata, (), None))
    split = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
    return [text[start:end] for _, (start, end) in split]


@pytest.mark.parametrize(
    ("pre", "expected"),
    [
        ("gpt-2", ["it", "'s", " 12345", ";", "\n\n ", " X", "'", "LL", "(", "a"]),
        ("smollm", ["it", "'s", " ", "1", "2", "3", "4", "5", ";", "\n\n ", " X", "'", "LL", "(", "a"]),
        ("llama-bpe", ["it", "'s", " ", "123", "45", ";\n\n", " ", " X", "'LL", "(a"]),
        ("qwen2", ["it", "'s", " ", "1", "2", "3", "4", "5", ";\n\n", " ", " X", "'LL", "(a"]),
    ],
)
def test_text_is_split_as_the_file_says(pre: str, expected: list[str]) -> None:
    assert pieces(pre, "it's 12345;\n\n  X'LL(a") == expected


def sentencepiece(**more: Any) -> Any:
    """Byte fallback, a handful of pieces; ``▁ab`` scores better than ``bc``, so it is merged first."""
    special = ["<unk>", "<s>", "</s>"]
    pieces = {"▁": -9.0, "a": -8.0, "b": -8.0, "c": -8.0, "▁a": -1.0, "▁ab": -2.0, "bc": -3.0, "<turn>": -1000.0}
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    kinds = [2, 3, 3, *[6] * 256, *[1] * (len(pieces) - 1), 4]
    metadata = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * 259 + list(pieces.values()),
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }
    return gguf_tokenizer(GgufFile(Path("m.gguf"), metadata | more, (), None))


def test_sentencepiece_merges_by_score_and_falls_back_to_bytes() -> None:
    tokenizer = sentencepiece()
    assert tokenizer.tokenize("abc bc") == ["▁ab", "c", "▁", "bc"]
    assert tokenizer.tokenize("é") == ["▁", "<0xC3>", "<0xA9>"]
    assert tokenizer.tokenize("a<turn>") == ["▁a", "<turn>"]
    ids = tokenizer("abc bc é")["input_ids"]
    assert ids[0] == tokenizer.bos_token_id == 1
    assert tokenizer.decode(ids, skip_special_tokens=True) == "abc bc é"
    assert (tokenizer.eos_token, tokenizer.unk_token, tokenizer.pad_token) == ("</s>", "<unk>", None)


def test_sentencepiece_can_leave_out_the_leading_space_and_bos() -> None:
    said = {"tokenizer.ggml.add_space_prefix": False, "tokenizer.ggml.add_bos_token": False}
    tokenizer = sentencepiece(**said)
    assert tokenizer.tokenize("bc a") == ["bc", "▁a"]
    ids = tokenizer("bc a")["input_ids"]
    assert ids[0] != tokenizer.bos_token_id
    assert tokenizer.decode(ids) == "bc a"
