"""The one place where a conversation becomes tokens and labels.

Labels cover what the assistant writes and what ends its turn, and nothing else. This works with any chat template,
without ``{% generation %}`` in it: an answer begins where the prompt's text (with the generation prompt) ends, and it
ends with the template's end of turn; trailing white space after that belongs to nobody. Text becomes tokens in one
piece, and characters are mapped to tokens by their offsets, so training sees the very tokens that chatting produces.

A token that lies across the begin of an answer is not trained: at generation time the prompt ends inside it.

Not covered: tools, images, packing (not needed at these sizes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from burnish.errors import DataError
from burnish.model.chat_template import end_of_turn, render, template_digest
from burnish.records import Example, Message

__all__ = ["IGNORED", "EncodedExample", "encode_example", "encode_examples", "render_prompt", "template_digest"]

IGNORED = -100
"""Label of tokens that are not trained, as torch's cross entropy has it."""

_TEMPLATE_WAY_OUT = (
    "Put a chat_template.jinja into the model folder whose answers begin exactly where its generation prompt ends."
)


@dataclass(frozen=True)
class EncodedExample:
    """One conversation as tokens; ``labels`` is as long as ``input_ids``, `IGNORED` where nothing is trained."""

    id: str
    input_ids: list[int]
    labels: list[int]
    weight: float = 1.0
    """Weight of its tokens in the loss."""


def render_prompt(messages: Sequence[Message], tokenizer: Any) -> str:
    """The text that a model continues: the conversation and the generation prompt."""
    return render(_plain(messages), tokenizer, generation_prompt=True)


def encode_example(example: Example, tokenizer: Any) -> EncodedExample:
    """Encode one conversation; see `encode_examples`."""
    return encode_examples([example], tokenizer)[0]


def encode_examples(examples: Sequence[Example], tokenizer: Any) -> list[EncodedExample]:
    """Encode conversations, in order.

    Raises:
        DataError: the chat template refuses a row, or its generation prompt is not how its answers begin, so that no
            exact label mask exists.
    """
    texts: list[str] = []
    spans: list[list[tuple[int, int]]] = []
    for example in examples:
        text, answers = _render_with_answers(example, tokenizer)
        texts.append(text)
        spans.append(answers)
    if not texts:
        return []
    encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return [
        EncodedExample(example.id, ids, _labels(ids, offsets, answers), example.weight)
        for example, ids, offsets, answers in zip(
            examples, encoded["input_ids"], encoded["offset_mapping"], spans, strict=True
        )
    ]


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _render_with_answers(example: Example, tokenizer: Any) -> tuple[str, list[tuple[int, int]]]:
    """The conversation's text, and begin and end of each answer in it, in characters."""
    messages = _plain(example.messages)
    text = render(messages, tokenizer, generation_prompt=False)
    answers: list[tuple[int, int]] = []
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = render(messages[:index], tokenizer, generation_prompt=True)
        if not text.startswith(prompt):
            raise DataError(
                f"row {example.id}: the chat template writes {_tail(prompt)!r} before an answer is generated, but "
                f"{_at(text, prompt)!r} where that answer stands in a conversation.",
                _TEMPLATE_WAY_OUT,
            )
        if index == len(messages) - 1:
            end = len(text.rstrip())
        else:
            end = _end_inside(example, text, len(prompt), message["content"], end_of_turn(tokenizer))
        answers.append((len(prompt), max(end, len(prompt))))
    return text, answers


def _end_inside(example: Example, text: str, begin: int, content: str, closing: str) -> int:
    """Where an answer that is not the last turn ends: after its content and the template's end of turn."""
    if not closing:
        raise DataError(
            f"row {example.id}: the chat template writes nothing that ends an answer.",
            "Let the chat_template.jinja of the model folder write eos_token after each assistant turn.",
        )
    found = text.find(content.strip(), begin)
    end = text.find(closing, found + len(content.strip())) if found >= 0 else -1
    if end < 0:
        raise DataError(
            f"row {example.id}: the chat template does not write an earlier answer as it stands, followed by "
            f"{closing!r}.",
            "Use rows with one answer each, or a chat template that keeps earlier answers unchanged.",
        )
    return end + len(closing)


def _labels(ids: list[int], offsets: Sequence[tuple[int, int]], answers: Sequence[tuple[int, int]]) -> list[int]:
    labels = [IGNORED] * len(ids)
    for begin, end in answers:
        for position, (first, last) in enumerate(offsets):
            if begin <= first < end and last > first:
                labels[position] = ids[position]
    return labels


def _tail(text: str) -> str:
    return text[-40:]


def _at(text: str, prompt: str) -> str:
    """The text around the first character where it leaves the prompt."""
    same = next((i for i, (a, b) in enumerate(zip(text, prompt, strict=False)) if a != b), len(text))
    return text[max(0, same - 20) : same + 20]
