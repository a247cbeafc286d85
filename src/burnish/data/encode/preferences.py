"""Read and encode judged answers for preference tuning: pairs (DPO) or single answers (KTO).

    {"prompt": ..., "chosen": ..., "rejected": ...}        a pair
    {"prompt": ..., "completion": ..., "label": true}      one answer, good or bad

A prompt is a text (one user turn) or a list of turns that ends with the user's; an answer is a text, or a list of
turns. Such a list is the one assistant's turn, or the whole conversation; then the row may leave the prompt out.
Tokens and labels come from the one chat encoding that fine-tuning has; of earlier answers in a prompt nothing is
trained.

Not covered: scores, margins, several answers in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from burnish.config.data.chat import ChatConfig
from burnish.data.encode.chat import encode_examples
from burnish.data.encode.encoded import IGNORED, EncodedExample
from burnish.data.sources.files import json_lines, matching_files
from burnish.data.sources.raw import BadRow, fields_of
from burnish.data.sources.reading import BadRows
from burnish.errors import DataError
from burnish.records import Example, Message

FIELDS = {"dpo": ("chosen", "rejected"), "kto": ("completion",)}


@dataclass(frozen=True)
class JudgedRow:
    """A prompt with the answers to it: chosen and rejected, or one that is good or bad."""

    id: str
    prompt: tuple[Message, ...]
    answers: tuple[str, ...]
    good: bool = True
    """Whether a single answer is good."""

    def examples(self) -> list[Example]:
        """Return one conversation per answer."""
        return [
            Example(id=self._name(index), messages=(*self.prompt, Message(role="assistant", content=answer)))
            for index, answer in enumerate(self.answers)
        ]

    def _name(self, index: int) -> str:
        return self.id if len(self.answers) == 1 else f"{self.id} ({('chosen', 'rejected')[index]})"


@dataclass(frozen=True)
class EncodedJudgement:
    """A row as tokens; labels cover only the judged answers."""

    id: str
    answers: tuple[EncodedExample, ...]
    good: bool = True


def read_preferences(
    path: Path, method: Literal["dpo", "kto"], bad_rows: int = 0, rejected: Path | None = None
) -> list[JudgedRow]:
    """Read the usable rows of a file or glob, in order.

    Args:
        path: JSONL.
        method: decides the fields. bad_rows: unusable rows that may be left out. rejected: file with a line for each of
        them.

    Raises:
        DataError: no file, no usable row, or more unusable ones than ``bad_rows``.
    """
    bad = BadRows(bad_rows)
    rows: list[JudgedRow] = []
    try:
        for file in matching_files(path):
            for raw in json_lines(file):
                try:
                    rows.append(_judged(raw.id, fields_of(raw), FIELDS[method]))
                except BadRow as reason:
                    bad.add(raw.file, raw.place, str(reason))
    finally:
        if rejected is not None:
            bad.write(rejected)
    if not rows:
        raise DataError(f"{path} has no usable row.", f"Each needs prompt, {', '.join(_wanted(method))}.")
    return rows


def encode_preferences(
    rows: Sequence[JudgedRow], tokenizer: Any, chat: ChatConfig
) -> tuple[list[EncodedExample], list[EncodedJudgement]]:
    """Encode whole conversations for the gates, and rows labelled only on the judged answer.

    Raises DataError for a row that the chat template refuses.
    """
    encoded = encode_examples([example for row in rows for example in row.examples()], tokenizer, chat)
    waiting = iter(encoded)
    judged = [
        EncodedJudgement(row.id, tuple(_last_answer(next(waiting)) for _ in row.answers), row.good) for row in rows
    ]
    return encoded, judged


def _last_answer(row: EncodedExample) -> EncodedExample:
    """Keep only the labels of the row's last labelled run."""
    begin = end = len(row.labels)
    while end and row.labels[end - 1] == IGNORED:
        end -= 1
    begin = end
    while begin and row.labels[begin - 1] != IGNORED:
        begin -= 1
    return replace(row, labels=[IGNORED] * begin + row.labels[begin:], answers=1)


def _judged(row_id: str, row: Mapping[str, Any], fields: tuple[str, ...]) -> JudgedRow:
    missing = next((name for name in (*fields, *_LABEL[fields]) if name not in row), None)
    if missing is not None:
        raise BadRow(f"the row has no {missing!r}; it has {', '.join(map(repr, list(row)[:8])) or 'nothing'}")
    good = row["label"] if "label" in _LABEL[fields] else True
    if not isinstance(good, bool):
        raise BadRow(f"label must be true or false, not {good!r}")
    prompt = _prompt(row["prompt"]) if row.get("prompt") is not None else None
    answers = []
    for name in fields:
        before, answer = _answer(row[name], name)
        if prompt is None or (before and before != prompt):
            if prompt is not None or not before:
                raise BadRow(
                    "the row has no 'prompt'" if not before else f"{name} starts with a different prompt than the row"
                )
            prompt = before
        answers.append(answer)
    if prompt is None or prompt[-1].role != "user":
        raise BadRow("the prompt does not end with the user's turn")
    return JudgedRow(row_id, prompt, tuple(answers), good)


_LABEL: dict[tuple[str, ...], tuple[str, ...]] = {("chosen", "rejected"): (), ("completion",): ("label",)}


def _wanted(method: str) -> tuple[str, ...]:
    return (*FIELDS[method], *_LABEL[FIELDS[method]])


def _prompt(value: Any) -> tuple[Message, ...]:
    if isinstance(value, str):
        if not value.strip():
            raise BadRow("prompt is empty")
        return (Message(role="user", content=value),)
    return _turns(value, "prompt")


def _answer(value: Any, name: str) -> tuple[tuple[Message, ...], str]:
    """Return the turns before the answer, if any, and the answer."""
    turns = (Message(role="assistant", content=value),) if isinstance(value, str) else _turns(value, name)
    if turns[-1].role != "assistant":
        raise BadRow(f"{name} does not end with the assistant's turn")
    if not turns[-1].content.strip():
        raise BadRow(f"{name} is empty")
    return turns[:-1], turns[-1].content


def _turns(value: Any, name: str) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise BadRow(f"{name}: must be a text or a list of turns, not {type(value).__name__}")
    try:
        return tuple(Message.model_validate(turn) for turn in value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadRow(f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
