"""Gates before the first step: what must hold of encoded training rows, or nothing is trained.

1. Every row has a trained token.
2. Every answer's end of turn is trained, in every row: without it the model never learns to stop.
3. No row is longer than the limit: nothing is cut silently.
4. Some tokens are trained and some are not: a mask that covers everything trains on the prompts.
5. No held-out task's prompt is a user turn of a training row (compared without regard to case and white space).

Not covered: near-duplicates and paraphrases of held-out prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from burnish.data.chat import IGNORED, EncodedExample
from burnish.errors import GateError
from burnish.model.chat_template import end_of_turn, end_of_turn_ids
from burnish.records import Example, Task

SHOWN = 400
"""Characters of an offending row that are shown."""


@dataclass(frozen=True)
class GateReport:
    """What the gates counted."""

    rows: int
    tokens: int
    trained_tokens: int
    longest: int
    """Tokens of the longest row."""

    @property
    def coverage(self) -> float:
        """Share of tokens that are trained."""
        return self.trained_tokens / self.tokens

    def __str__(self) -> str:
        return (
            f"{self.rows} rows, {self.tokens} tokens, {self.coverage:.0%} of them trained, the longest row has "
            f"{self.longest}"
        )


def check_gates(
    encoded: Sequence[EncodedExample],
    tokenizer: Any,
    *,
    max_length: int,
    held_out: Sequence[Task],
    examples: Sequence[Example],
) -> GateReport:
    """Check all gates; raises GateError with the first offending row, decoded.

    Args:
        encoded: the rows as they will be trained.
        tokenizer: the one they were encoded with.
        max_length: tokens.
        held_out: tasks that will be measured on.
        examples: the conversations behind ``encoded``, in the same order.
    """
    if not encoded:
        raise GateError("there are no training rows.", "Name data.sources, or build more training tasks.")
    closing = _closing_token(tokenizer)
    for row, example in zip(encoded, examples, strict=True):
        _check_row(row, example, tokenizer, closing, max_length)
    _check_held_out(examples, held_out)
    report = GateReport(
        rows=len(encoded),
        tokens=sum(len(row.input_ids) for row in encoded),
        trained_tokens=sum(sum(label != IGNORED for label in row.labels) for row in encoded),
        longest=max(len(row.input_ids) for row in encoded),
    )
    if not 0 < report.coverage < 1:
        raise GateError(
            f"the label mask covers {report.coverage:.0%} of the tokens; {_shown(encoded[0], tokenizer)}.",
            "Answers must be trained and prompts must not: check the rows and the chat template.",
        )
    return report


def _closing_token(tokenizer: Any) -> int:
    closing = end_of_turn_ids(tokenizer)
    if not closing:
        written = end_of_turn(tokenizer)
        raise GateError(
            f"the chat template ends an answer with {written!r}, which holds no special token: generation could not "
            "stop there."
            if written
            else "the chat template writes nothing after an answer: the model could not learn to stop.",
            "Let the chat_template.jinja of the model folder write eos_token after each assistant turn.",
        )
    return closing[0]


def _check_row(row: EncodedExample, example: Example, tokenizer: Any, closing: int, max_length: int) -> None:
    if len(row.input_ids) > max_length:
        raise GateError(
            f"row {row.id} has {len(row.input_ids)} tokens, more than max_length {max_length}; "
            f"{_shown(row, tokenizer)}.",
            "Raise max_length of the stage, or shorten or remove the row.",
        )
    answers = [list(labels) for trained, labels in groupby(row.labels, lambda x: x != IGNORED) if trained]
    if not answers:
        raise GateError(
            f"row {row.id} has no token to train on; {_shown(row, tokenizer)}.", "Give it an answer, or remove it."
        )
    turns = sum(message.role == "assistant" for message in example.messages)
    ended = sum(answer[-1] == closing for answer in answers)
    if len(answers) != turns or ended != turns:
        raise GateError(
            f"row {row.id} has {turns} answers, and the end of turn {tokenizer.decode([closing])!r} is trained for "
            f"{ended} of {len(answers)} trained spans; {_shown(row, tokenizer)}.",
            "The chat template must close every assistant turn with its end-of-turn token.",
        )


def _check_held_out(examples: Sequence[Example], held_out: Sequence[Task]) -> None:
    prompts = {_key(task.prompt[-1].content): task.id for task in held_out if task.prompt}
    for example in examples:
        for message in example.messages:
            task = prompts.get(_key(message.content)) if message.role == "user" else None
            if task is not None:
                raise GateError(
                    f"row {example.id} contains the prompt of the held-out task {task}: {message.content[:SHOWN]!r}.",
                    "Remove the row, or measure on other tasks: what was trained on cannot be measured.",
                )


def _key(text: str) -> str:
    return " ".join(text.casefold().split())


def _shown(row: EncodedExample, tokenizer: Any) -> str:
    text = str(tokenizer.decode(row.input_ids))
    return f"it reads {text[:SHOWN]!r}" + (f" and {len(text) - SHOWN} characters more" if len(text) > SHOWN else "")
