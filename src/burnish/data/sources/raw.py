"""Define a raw row of a source, before it becomes an example.

Not covered: its conversion (`forms`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from burnish.fsio import parse_json


class BadRow(Exception):
    """Reason why a row cannot be used; becomes a recorded row or a DataError in `reading`."""


class OtherSplit(Exception):
    """Valid row of another split than the one its source trains on."""


@dataclass(frozen=True)
class RawRow:
    """One row with its position."""

    file: str
    """Path or name of its source."""
    place: str
    """Line or row number in the file; empty when the whole file is the row."""
    data: bytes | Mapping[str, Any] | None
    """Undecoded JSON, or fields by name; None when ``problem`` has a reason."""
    problem: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Facts of the source about the row (path, licence), used when the row itself lacks them."""

    @property
    def id(self) -> str:
        """Return ``file:place``."""
        return f"{self.file}:{self.place}" if self.place else self.file


def fields_of(raw: RawRow) -> Mapping[str, Any]:
    """Return the row's fields; raise BadRow when it has none."""
    if raw.data is None:
        raise BadRow(raw.problem)
    if not isinstance(raw.data, bytes):
        return raw.data
    try:
        row = parse_json(raw.data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadRow(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise BadRow(f"a JSON {type(row).__name__}, not an object")
    return row
