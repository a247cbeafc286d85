"""Encode documents: all tokens are trained, with an end-of-document token after the last.

A document that is longer than a row is divided at item boundaries (`data.encode.chunking`), never truncated. Every
piece begins as a document does (with the beginning-of-sequence token where the tokenizer adds one); the end-of-document
token follows the last piece alone, because the others do not end there.
"""

from __future__ import annotations

from typing import Any

from burnish.data.encode.chunking import chunk_source
from burnish.data.encode.encoded import IGNORED, EncodedExample
from burnish.errors import DataError
from burnish.model.chat_template import document_ends
from burnish.records import Example


def encode_document(example: Example, tokenizer: Any, max_length: int | None) -> list[EncodedExample]:
    """Encode a document as rows of at most ``max_length`` tokens, named ``id#1``, ``id#2``, ...

    Raises:
        DataError: the document is empty.
    """
    text = example.text or ""
    if not text.strip():
        raise DataError(f"row {example.id} is an empty document.", "Remove it.")
    before, after = document_ends(tokenizer)
    frame = len(before) + 1
    whole = _ids(text, tokenizer)
    if max_length is None or len(whole) + frame <= max_length:
        return [_row(example.id, before, [*whole, after], example.weight)]
    pieces = chunk_source(text, lambda piece: len(_ids(piece, tokenizer)) + frame <= max_length)
    return [
        _row(
            f"{example.id}#{number}",
            before,
            _ids(piece, tokenizer) + ([after] if number == len(pieces) else []),
            example.weight,
        )
        for number, piece in enumerate(pieces, 1)
    ]


def _ids(text: str, tokenizer: Any) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _row(name: str, before: list[int], tokens: list[int], weight: float) -> EncodedExample:
    return EncodedExample(name, before + tokens, [IGNORED] * len(before) + tokens, weight, answers=0)
