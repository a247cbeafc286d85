"""Read training rows from JSONL files: ``messages``, or ``prompt`` with ``completion`` as text.

A row that cannot be used is recorded with its place and left out, as long as the budget lasts. Other keys of a row are
not read. A last line without a newline counts as a row.

Not covered: tool calls, content made of parts, other file formats, filters and mixtures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from burnish.config.data import SourceConfig
from burnish.errors import DataError
from burnish.fsio import write_atomic
from burnish.records import Example, Message

FORMS = "'messages' (a list of role and content), or 'prompt' and 'completion' (text)"


class BadRow(Exception):
    """Why one row cannot be used; never leaves this module."""


def read_sources(sources: Sequence[SourceConfig], *, bad_rows: int, rejected: Path) -> list[Example]:
    """All usable rows, in order; their ids are ``file:line``.

    Args:
        sources: files with their weight and limit.
        bad_rows: how many unusable rows may be left out, over all files.
        rejected: gets one JSON line ``{"path", "line", "reason"}`` per unusable row; not written when there is none.

    Raises:
        DataError: a file is missing or has no usable row, or there are more unusable rows than ``bad_rows``.
    """
    examples: list[Example] = []
    bad: list[dict[str, Any]] = []
    try:
        for source in sources:
            examples += _read_source(source, bad, bad_rows)
    finally:
        if bad:
            write_atomic(rejected, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in bad))
    return examples


def _read_source(source: SourceConfig, bad: list[dict[str, Any]], bad_rows: int) -> list[Example]:
    examples: list[Example] = []
    for line, text in _lines(source.path):
        if source.limit is not None and len(examples) >= source.limit:
            break
        try:
            examples.append(_example(text, source, line))
        except BadRow as reason:
            bad.append({"path": str(source.path), "line": line, "reason": str(reason)})
            if len(bad) > bad_rows:
                raise DataError(
                    f"{source.path}:{line}: {reason}.",
                    f"Mend or remove the row, or allow more unusable rows than {bad_rows} with data.bad_rows.",
                ) from None
    if not examples:
        raise DataError(f"{source.path} holds no usable row.", f"Each line must be a JSON object with {FORMS}.")
    return examples


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"the training file {path} {kind}.", "Name a JSONL file in data.sources.")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


def _example(text: bytes, source: SourceConfig, line: int) -> Example:
    try:
        row = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadRow(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise BadRow(f"not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise BadRow("not JSON that can be read: nested too deeply") from error
    if not isinstance(row, dict):
        raise BadRow(f"a JSON {type(row).__name__}, not an object with {FORMS}")
    messages = _messages(row)
    if not any(message.role == "assistant" for message in messages):
        raise BadRow("no turn of the role 'assistant', so nothing to learn from")
    for index, message in enumerate(messages):
        if message.role == "assistant" and not message.content.strip():
            raise BadRow(f"turn {index} of the role 'assistant' is empty")
    return Example(
        id=f"{source.path}:{line}", messages=messages, weight=source.weight, origin=f"{source.path.name}:{line}"
    )


def _messages(row: dict[str, Any]) -> tuple[Message, ...]:
    if "messages" in row:
        turns = row["messages"]
        if not isinstance(turns, list) or not turns:
            raise BadRow("'messages' is not a list of turns")
    elif "prompt" in row and "completion" in row:
        turns = [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["completion"]},
        ]
    else:
        fields = ", ".join(repr(key) for key in list(row)[:8]) or "none"
        raise BadRow(f"the row has the fields {fields}; wanted are {FORMS}")
    return tuple(_message(turn, index, "messages" in row) for index, turn in enumerate(turns))


def _message(turn: Any, index: int, in_messages: bool) -> Message:
    try:
        return Message.model_validate(turn)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        place = f"messages.{index}" + (f".{field}" if field else "") if in_messages else ("prompt", "completion")[index]
        raise BadRow(f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}") from error
