"""Read rows of published data sets and their fields.

The file's suffix decides its format: ``.jsonl``, ``.json`` (a list of objects) or ``.parquet``. A number in a text
field makes a bad row and is never converted: a column of floats would become answers that nobody wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from burnish.data.sources.files import json_lines, json_list, matching_files
from burnish.data.sources.parquet import parquet_rows
from burnish.data.sources.raw import BadRow, RawRow

Row = Mapping[str, Any]


class LeftOut(Exception):
    """The reason why a valid row does not become a task; counted by reason."""


def published_rows(path: Path) -> Iterator[RawRow]:
    """Yield raw rows of a file, or of all files that a glob matches."""
    for file in matching_files(path):
        match file.suffix:
            case ".json":
                yield from json_list(file)
            case ".parquet":
                yield from parquet_rows(file)
            case _:
                yield from json_lines(file)


def text_of(row: Row, name: str) -> str:
    """Return a field that must be non-empty text."""
    text = _field(row, name)
    if not isinstance(text, str):
        raise BadRow(f"{name!r} is {_kind(text)}, not text")
    if not text.strip():
        raise BadRow(f"{name!r} is empty")
    return text


def texts_of(row: Row, name: str) -> tuple[str, ...]:
    """Return a field that must be a list of texts, possibly empty."""
    texts = _field(row, name)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRow(f"{name!r} is {_kind(texts)}, not a list of texts")
    return tuple(texts)


def mapping_of(row: Row, name: str) -> Row:
    """Return a field that must be an object."""
    value = _field(row, name)
    if not isinstance(value, dict):
        raise BadRow(f"{name!r} is {_kind(value)}, not an object")
    return value


def _field(row: Row, name: str) -> Any:
    if name not in row:
        there = ", ".join(repr(key) for key in list(row)[:8]) or "none"
        raise BadRow(f"the row has no field {name!r}; it has {there}")
    return row[name]


def _kind(value: object) -> str:
    return f"the {type(value).__name__} {str(value)[:40]}"
