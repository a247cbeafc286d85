"""Documents are trained whole, and divided when they are too long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.data.encode.chat import IGNORED, encode_examples
from burnish.errors import DataError
from burnish.model.source import load_tokenizer
from burnish.records import Example
from tests.tiny_models import make_tiny_model

SOURCE = "".join(f"/// Number {number}.\npub fn f{number}() -> i32 {{\n    {number}\n}}\n\n" for number in range(12))


def document(text: str) -> Example:
    return Example(id="lib.rs", text=text, weight=0.5)


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_every_token_and_an_end_are_trained(tmp_path: Path, family: Any) -> None:
    tokenizer: Any = load_tokenizer(make_tiny_model(tmp_path, family))
    (row,) = encode_examples([document(SOURCE)], tokenizer)
    assert row.labels == row.input_ids
    assert tokenizer.decode(row.input_ids) == SOURCE + tokenizer.eos_token
    assert (row.weight, row.answers) == (0.5, 0)


def test_a_leading_bos_token_is_kept(tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer: Any = load_tokenizer(make_tiny_model(tmp_path, "gemma"))
    begin = [("<bos>", tokenizer.bos_token_id)]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=begin)
    (row,) = encode_examples([document("fn f() {}")], tokenizer)
    assert tokenizer.decode(row.input_ids) == "<bos>fn f() {}<eos>"
    assert row.labels == [IGNORED, *row.input_ids[1:]]


def test_a_long_document_is_split_without_loss(tmp_path: Path) -> None:
    tokenizer: Any = load_tokenizer(make_tiny_model(tmp_path))
    rows = encode_examples([document(SOURCE), document("short")], tokenizer, max_length=100)
    pieces = rows[:-1]
    assert len(pieces) > 2
    assert [row.id for row in rows] == [f"lib.rs#{number}" for number in range(1, len(pieces) + 1)] + ["lib.rs"]
    assert all(len(row.input_ids) <= 100 for row in rows)
    text = "".join(tokenizer.decode(row.input_ids) for row in pieces)
    assert text == SOURCE + "<|endoftext|>"
    assert all("<|endoftext|>" not in tokenizer.decode(row.input_ids) for row in pieces[:-1])
    assert all(tokenizer.decode(row.input_ids).startswith("///") for row in pieces)


def test_an_empty_document_is_refused(tmp_path: Path) -> None:
    tokenizer: Any = load_tokenizer(make_tiny_model(tmp_path))
    with pytest.raises(DataError, match=r"row lib\.rs is an empty document"):
        encode_examples([document(" \n")], tokenizer)
