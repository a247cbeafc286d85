"""Check encoded training rows before the first step; a violation stops the training.

Of the chat template:

1. It marks where an answer begins, and it ends an answer with a special token.

Of every row:

2. It has a trained token, and its answers are not empty.
3. Every answer's end of turn is trained, except where truncation cut it: without it the model never learns to stop.
4. It is at most as long as the limit and the model's context, so nothing is silently cut or beyond known positions.

Of all rows together (`data.gates.row_sets` has the others: role order, control tokens in texts, held-out tasks, one
answer for all, duplicates):

5. No more answers are cut than the configuration allows.
6. The label mask covers a share of the conversations' tokens that lies in the configured band.

`data.gates.batches` looks at the same rows as the trainer will get them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from burnish.config.data.chat import ChatConfig
from burnish.config.data.gates import GatesConfig
from burnish.data.encode.encoded import IGNORED, EncodedExample
from burnish.data.gates.row_sets import (
    SHOWN,
    check_answers,
    check_control_tokens,
    check_duplicates,
    check_held_out,
    check_role_order,
)
from burnish.errors import GateError
from burnish.model.chat_template import end_of_turn, end_of_turn_ids, unmarked_answer
from burnish.records import Example, Task
from burnish.wording import counted

BLANK = 16
"""Longer answers, in tokens, are not checked for being blank."""


@dataclass(frozen=True)
class GateReport:
    """Counts of the gates."""

    rows: int
    tokens: int
    trained_tokens: int
    longest: int
    """Tokens of the longest row."""
    truncated: int = 0
    """Rows that lost tokens to truncation."""
    cut_answers: int = 0
    """Rows whose answer lost its end to truncation."""
    duplicates: int = 0
    """Rows that repeat the tokens of another row under an id of their own."""

    @property
    def coverage(self) -> float:
        """Return the share of trained tokens."""
        return self.trained_tokens / self.tokens

    def __str__(self) -> str:
        notes = [
            f"{count} {what}"
            for count, what in (
                (self.truncated, "truncated"),
                (self.cut_answers, "with a cut answer"),
                (self.duplicates, "duplicates"),
            )
            if count
        ]
        return (
            counted(self.rows, "row") + (f" ({', '.join(notes)})" if notes else "") + f", {self.tokens} tokens, "
            f"{self.coverage:.0%} of them trained, the longest row has {self.longest}"
        )


def check_gates(
    encoded: Sequence[EncodedExample],
    tokenizer: Any,
    *,
    max_length: int,
    held_out: Sequence[Task],
    examples: Sequence[Example],
    gates: GatesConfig | None = None,
    chat: ChatConfig | None = None,
    context: int | None = None,
) -> GateReport:
    """Check all gates; raise GateError with the first offending row, decoded.

    Args:
        encoded: the rows as they will be trained.
        tokenizer: the one they were encoded with.
        max_length: tokens.
        held_out: tasks that will be measured on.
        examples: the conversations and documents behind ``encoded``.
        gates: limits; None for the defaults.
        chat: how the rows were encoded; None for the defaults.
        context: most tokens that the model takes; None where it does not say.
    """
    gates, chat = gates or GatesConfig(), chat or ChatConfig()
    if not encoded:
        raise GateError("no training rows.", "Set data.sources, or build more training tasks.")
    check_role_order(examples)
    if gates.control_tokens == "refuse":
        check_control_tokens(examples, tokenizer)
    check_held_out(examples, held_out)
    closing = closing_token(tokenizer) if any(row.answers for row in encoded) else None
    exact = chat.train_roles == ("assistant",) and chat.thinking != "untrained"
    for row in encoded:
        _check_length(row, tokenizer, max_length, context)
        _check_row(row, tokenizer, closing, exact=exact)
    check_answers(examples, gates.same_answer)
    duplicates = check_duplicates(encoded, gates.duplicates, lambda row: shown(row, tokenizer))
    _check_cut(encoded, tokenizer, gates.truncated_answers, max_length)
    _check_coverage([row for row in encoded if row.answers], tokenizer, gates)
    return GateReport(
        rows=len(encoded),
        tokens=sum(len(row.input_ids) for row in encoded),
        trained_tokens=sum(row.trained_tokens for row in encoded),
        longest=max(len(row.input_ids) for row in encoded),
        truncated=sum(row.cut_tokens > 0 for row in encoded),
        cut_answers=sum(row.cut_answer for row in encoded),
        duplicates=duplicates,
    )


def closing_token(tokenizer: Any) -> int:
    """Return the id that ends an answer; raise GateError without one, or without a mark where an answer begins."""
    unmarked = unmarked_answer(tokenizer)
    if unmarked:
        raise GateError(
            f"the chat template does not mark where an answer begins: its generation prompt writes nothing, and "
            f"{unmarked!r} before every answer would be trained as part of it.",
            "Let the chat_template.jinja of the model folder write the head of the assistant's turn when "
            "add_generation_prompt is set.",
        )
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


def shown(row: EncodedExample, tokenizer: Any) -> str:
    """Return the row's text, cut to `SHOWN` characters."""
    text = str(tokenizer.decode(row.input_ids))
    return f"it reads {text[:SHOWN]!r}" + (f" and {len(text) - SHOWN} characters more" if len(text) > SHOWN else "")


def _check_length(row: EncodedExample, tokenizer: Any, max_length: int, context: int | None) -> None:
    if len(row.input_ids) > max_length:
        raise GateError(
            f"row {row.id} has {len(row.input_ids)} tokens, more than max_length {max_length}; "
            f"{shown(row, tokenizer)}.",
            "Raise max_length of the stage, shorten or remove the row, or say with data.chat.truncate what to cut.",
        )
    if context is not None and len(row.input_ids) > context:
        raise GateError(
            f"row {row.id} has {len(row.input_ids)} tokens, more than the model's context of {context}; "
            f"{shown(row, tokenizer)}.",
            f"Shorten or remove the row, or set max_length of the stage to {context} and data.chat.truncate.",
        )


def _check_row(row: EncodedExample, tokenizer: Any, closing: int | None, *, exact: bool) -> None:
    spans = [list(labels) for trained, labels in groupby(row.labels, lambda label: label != IGNORED) if trained]
    if not spans:
        raise GateError(
            f"row {row.id} has no token to train on; {shown(row, tokenizer)}.", "Give it an answer, or remove it."
        )
    if not row.answers:
        return
    # If other turns than answers are trained, spans are not answers: count ends of turn instead.
    ended = sum(span[-1] == closing for span in spans) if exact else row.labels.count(closing or 0)
    wanted = row.answers - row.cut_answer
    if ended < wanted or (exact and len(spans) != row.answers):
        raise GateError(
            f"row {row.id} has {counted(row.answers, 'answer')}, and the end of turn {tokenizer.decode([closing])!r} "
            f"is trained for {ended} of {len(spans)} trained spans; {shown(row, tokenizer)}.",
            "The chat template must close every assistant turn with its end-of-turn token.",
        )
    if exact and any(len(span) <= BLANK and not str(tokenizer.decode(span[:-1])).strip() for span in spans):
        raise GateError(
            f"row {row.id} has an empty answer: only its end of turn would be trained; {shown(row, tokenizer)}.",
            "Give it an answer, or remove it: the model would learn to say nothing.",
        )


def _check_cut(encoded: Sequence[EncodedExample], tokenizer: Any, allowed: float, max_length: int) -> None:
    cut = [row for row in encoded if row.cut_answer]
    rows = sum(row.answers > 0 for row in encoded)
    if cut and len(cut) > allowed * rows:
        raise GateError(
            f"{len(cut)} of {rows} answers do not fit into max_length {max_length} and were cut, more than the share "
            f"{allowed:g} that is allowed; row {cut[0].id}: {shown(cut[0], tokenizer)}.",
            "Raise max_length of the stage (burnish data lengths says to what), or data.gates.truncated_answers.",
        )


def _check_coverage(conversations: Sequence[EncodedExample], tokenizer: Any, gates: GatesConfig) -> None:
    if not conversations:
        return
    coverage = sum(row.trained_tokens for row in conversations) / sum(len(row.input_ids) for row in conversations)
    if not gates.min_coverage <= coverage <= gates.max_coverage:
        raise GateError(
            f"the label mask covers {coverage:.1%} of the conversations' tokens, and {gates.min_coverage:.1%} to "
            f"{gates.max_coverage:.1%} is allowed; row {conversations[0].id}: {shown(conversations[0], tokenizer)}.",
            "Answers must be trained and prompts must not: check the rows and the chat template, or set "
            "data.gates.min_coverage and max_coverage.",
        )
