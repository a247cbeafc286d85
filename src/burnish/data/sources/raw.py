"""Define a raw row of a source, before it becomes an example.

Not covered: its conversion (`forms`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
