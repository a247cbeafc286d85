"""Trace a training row through every step: record, messages, text, tokens, truncation, mask.

Not covered: showing it (`cli.render.rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from burnish.config.data.chat import ChatConfig
from burnish.data.encode.chat import encode_examples
from burnish.data.encode.encoded import IGNORED, EncodedExample
from burnish.data.encode.masking import plain_turns
from burnish.model.chat_template import render
from burnish.records import Example

ENDS = 20
"""Token ids shown from each end of a row."""


@dataclass(frozen=True)
class Span:
    """Consecutive tokens with the same label, decoded."""

    text: str
    trained: bool
    tokens: int


@dataclass(frozen=True)
class EncodedView:
    """One sequence of tokens that an example becomes."""

    id: str
    tokens: int
    first_ids: tuple[int, ...]
    last_ids: tuple[int, ...]
    """The last `ENDS` ids; may overlap with the first ones."""
    trained: int
    """Trained tokens."""
    spans: tuple[Span, ...]
    cut_tokens: int
    cut_answer: bool


@dataclass(frozen=True)
class RowView:
    """One example at every step."""

    number: int
    record: dict[str, Any]
    turns: tuple[tuple[str, str], ...]
    """Role and content as passed to the template; empty for documents."""
    text: str
    """After the chat template, before truncation; a document's own text."""
    tokens: int
    """Before truncation and division."""
    max_length: int
    refused: bool
    """Whether it is too long without a truncation setting: the gate will stop the run."""
    rows: tuple[EncodedView, ...]


def inspect_example(number: int, example: Example, tokenizer: Any, *, chat: ChatConfig, max_length: int) -> RowView:
    """Trace one example; raise the errors of encoding.

    Args:
        number: of the example, from 0.
        example: conversation or document.
        tokenizer: of the model that will be trained.
        chat: trained turns and truncation.
        max_length: in tokens.
    """
    whole = encode_examples([example], tokenizer, chat)
    rows = encode_examples([example], tokenizer, chat, max_length)
    turns = plain_turns(example.messages, chat.thinking)
    text = example.text if example.text is not None else render(turns, tokenizer, generation_prompt=False)
    return RowView(
        number,
        example.model_dump(mode="json", exclude_defaults=True),
        tuple((turn["role"], turn["content"]) for turn in turns),
        text,
        sum(len(row.input_ids) for row in whole),
        max_length,
        any(len(row.input_ids) > max_length for row in rows),
        tuple(_view(row, tokenizer) for row in rows),
    )


def _view(row: EncodedExample, tokenizer: Any) -> EncodedView:
    return EncodedView(
        row.id,
        len(row.input_ids),
        tuple(row.input_ids[:ENDS]),
        tuple(row.input_ids[-ENDS:]),
        row.trained_tokens,
        tuple(_spans(row.input_ids, row.labels, tokenizer)),
        row.cut_tokens,
        row.cut_answer,
    )


def _spans(ids: Sequence[int], labels: Sequence[int], tokenizer: Any) -> list[Span]:
    spans = []
    for trained, group in groupby(zip(ids, labels, strict=True), lambda pair: pair[1] != IGNORED):
        tokens = [token for token, _ in group]
        spans.append(Span(str(tokenizer.decode(tokens)), trained, len(tokens)))
    return spans
