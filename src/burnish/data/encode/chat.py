"""Encode training rows into tokens and labels, and render prompts; used everywhere.

Labels of a conversation cover what the trained roles write and what ends an assistant's turn
(`data.encode.masking`); of a document, everything. Text becomes tokens in one piece, and characters are mapped to
tokens by their offsets, so training sees exactly the tokens of inference.

A token that spans the start of an answer is not trained: at generation time the prompt ends inside it.

Not covered: tools, images, packing (`data.encode.packing`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from burnish.config.data.chat import ChatConfig
from burnish.data.encode.chunking import chunk_source
from burnish.data.encode.encoded import IGNORED, EncodedExample
from burnish.data.encode.masking import MaskedText, Range, Turn, locate, mask_conversation, plain_turns
from burnish.data.encode.truncation import TokenizedText, truncate
from burnish.errors import DataError
from burnish.model.chat_template import check_turns_written, document_ends, render, template_digest, thinking_switch
from burnish.records import Example, Message

__all__ = ["IGNORED", "EncodedExample", "encode_example", "encode_examples", "render_prompt", "template_digest"]

_AT_ONCE = 64
"""Rows per batch; the offsets of many more overflow the processor's caches, which is 25 % slower."""


def render_prompt(messages: Sequence[Message], tokenizer: Any, *, thinking: bool | None = None) -> str:
    """Render the conversation and generation prompt that a model continues.

    ``thinking`` switches the thinking of templates that can; None leaves it to them. Raises ConfigError when it is
    wanted and the template knows nothing of it, DataError when the template leaves out a turn.
    """
    check_turns_written([message.role for message in messages], tokenizer, generation_prompt=True)
    return render(plain_turns(messages), tokenizer, generation_prompt=True, **thinking_switch(tokenizer, thinking))


def encode_example(example: Example, tokenizer: Any, chat: ChatConfig | None = None) -> EncodedExample:
    """Encode one row without a limit on its length; see `encode_examples`."""
    return encode_examples([example], tokenizer, chat)[0]


def encode_examples(
    examples: Sequence[Example], tokenizer: Any, chat: ChatConfig | None = None, max_length: int | None = None
) -> list[EncodedExample]:
    """Encode rows in order; split documents longer than ``max_length``.

    Args:
        examples: conversations and documents.
        tokenizer: of the model that is trained.
        chat: what is trained and how long conversations are truncated; None for the defaults.
        max_length: in tokens; None for no limit. With ``truncate: refuse`` conversations keep their length, for the
            gate to refuse.

    Raises:
        DataError: the chat template refuses a row, or its generation prompt is not how its answers begin, so that no
            exact label mask exists.
    """
    rows: list[EncodedExample] = []
    for start in range(0, len(examples), _AT_ONCE):
        rows += _encode(examples[start : start + _AT_ONCE], tokenizer, chat or ChatConfig(), max_length)
    return rows


def _encode(
    examples: Sequence[Example], tokenizer: Any, chat: ChatConfig, max_length: int | None
) -> list[EncodedExample]:
    turns = {
        index: plain_turns(example.messages, chat.thinking)
        for index, example in enumerate(examples)
        if example.text is None
    }
    masked = {index: _masked(examples[index], talk, tokenizer, chat) for index, talk in turns.items()}
    tokenized = dict(zip(masked, _tokenize(list(masked.values()), tokenizer), strict=True))
    rows: list[EncodedExample] = []
    for index, example in enumerate(examples):
        if index in tokenized:
            rows.append(
                _conversation(example, turns[index], tokenized[index], tokenizer, chat=chat, max_length=max_length)
            )
        else:
            rows += _document(example, tokenizer, max_length)
    return rows


def _document(example: Example, tokenizer: Any, max_length: int | None) -> list[EncodedExample]:
    """Encode a document as rows of at most ``max_length`` tokens, named ``id#1``, ``id#2``, ...

    All its tokens are trained, with an end-of-document token after the last. A longer document is divided at item
    boundaries (`data.encode.chunking`), never truncated. Every piece begins as a document does (with the
    beginning-of-sequence token where the tokenizer adds one); the end-of-document token follows the last piece alone,
    because the others do not end there.

    Raises:
        DataError: the document is empty.
    """
    text = example.text or ""
    if not text.strip():
        raise DataError(f"row {example.id} is an empty document.", "Remove it.")
    before, after = document_ends(tokenizer)
    frame = len(before) + 1
    whole = _document_ids(text, tokenizer)
    if max_length is None or len(whole) + frame <= max_length:
        return [_document_row(example.id, before, [*whole, after], example.weight)]
    pieces = chunk_source(text, lambda piece: len(_document_ids(piece, tokenizer)) + frame <= max_length)
    return [
        _document_row(
            f"{example.id}#{number}",
            before,
            _document_ids(piece, tokenizer) + ([after] if number == len(pieces) else []),
            example.weight,
        )
        for number, piece in enumerate(pieces, 1)
    ]


def _document_ids(text: str, tokenizer: Any) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _document_row(name: str, before: list[int], tokens: list[int], weight: float) -> EncodedExample:
    return EncodedExample(name, before + tokens, [IGNORED] * len(before) + tokens, weight, answers=0)


def _conversation(
    example: Example,
    turns: Sequence[Turn],
    tokenized: TokenizedText,
    tokenizer: Any,
    *,
    chat: ChatConfig,
    max_length: int | None,
) -> EncodedExample:
    if max_length is None or chat.truncate == "refuse" or len(tokenized.ids) <= max_length:
        answers = sum(turn["role"] == "assistant" for turn in turns)
        return EncodedExample(
            example.id, tokenized.ids, tokenized.labels, example.weight, _trained_answers(example, chat, answers)
        )
    cut = truncate(
        turns,
        chat.truncate,
        max_length,
        trained=chat.train_roles,
        tokenize=lambda kept: _tokenize([_masked(example, kept, tokenizer, chat)], tokenizer)[0],
        locate=lambda text, kept, index: locate(example.id, text, kept, index, tokenizer),
    )
    return EncodedExample(
        example.id,
        cut.ids,
        cut.labels,
        example.weight,
        _trained_answers(example, chat, cut.answers),
        len(tokenized.ids) - len(cut.ids),
        cut.cut_answer,
    )


def _masked(example: Example, turns: Sequence[Turn], tokenizer: Any, chat: ChatConfig) -> MaskedText:
    last_alone = example.trained_answers == "last"
    return mask_conversation(example.id, turns, tokenizer, chat, last_alone=last_alone)


def _trained_answers(example: Example, chat: ChatConfig, answers: int) -> int:
    """Return the number of trained answers among the given ones."""
    if "assistant" not in chat.train_roles:
        return 0
    return min(answers, 1) if example.trained_answers == "last" else answers


def _tokenize(masked: Sequence[MaskedText], tokenizer: Any) -> list[TokenizedText]:
    backend = tokenizer.backend_tokenizer  # the tokenizer's own call, without copying every list
    backend.no_truncation()
    backend.no_padding()
    whole = _has_no_empty_tokens(backend)
    tokenized: list[TokenizedText] = []
    encodings = backend.encode_batch([text.text for text in masked], add_special_tokens=False)
    for text, encoding in zip(masked, encodings, strict=True):
        ids = encoding.ids
        labels = _labels_by_ends(ids, encoding, text) if whole else None
        if labels is None:
            labels = _labels(ids, encoding.offsets, text.trained)
        tokenized.append(TokenizedText(text.text, ids, labels, encoding))
    return tokenized


def _has_no_empty_tokens(backend: Any) -> bool:
    """Return whether every token covers text, as in byte-level vocabularies without a normaliser."""
    return backend.normalizer is None and "ByteLevel(" in repr(backend.pre_tokenizer)


def _labels_by_ends(ids: list[int], encoding: Any, masked: MaskedText) -> list[int] | None:
    """Compute the labels of `_labels` only from the ends of trained ranges, without all offsets.

    None where an end is outside every token, as with offsets that leave spaces out.
    """
    labels: list[int] = []
    for begin, end in masked.trained:
        first, after = (_first_from(encoding, place, masked.text, len(ids)) for place in (begin, end))
        if first is None or after is None:
            return None
        labels += [IGNORED] * (first - len(labels))
        labels += ids[first:after]
    return labels + [IGNORED] * (len(ids) - len(labels))


def _first_from(encoding: Any, place: int, text: str, count: int) -> int | None:
    """Find the first token that starts at or after ``place``; None when no token covers it."""
    if place >= len(text):
        return count
    token = encoding.char_to_token(place)
    if token is None:
        return None
    while token < count and encoding.token_to_chars(token)[0] < place:
        token += 1
    return int(token)


def _labels(ids: list[int], offsets: Sequence[Range], trained: Sequence[Range]) -> list[int]:
    """Label the tokens that start inside a trained range and cover any text."""
    labels = [IGNORED] * len(ids)
    for begin, end in trained:
        trained_part = slice(bisect_left(offsets, (begin, begin)), bisect_left(offsets, (end, end)))
        labels[trained_part] = [
            token if last > first else IGNORED
            for token, (first, last) in zip(ids[trained_part], offsets[trained_part], strict=True)
        ]
    return labels
