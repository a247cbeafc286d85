"""A row as a source yields it, before it is an example.

Not covered: what is made of it (`forms`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class BadRow(Exception):
    """Why one row cannot be used; becomes a recorded row or a DataError in `reading`."""


class OtherSplit(Exception):
    """A row that is sound and not for training: of another split than its source takes."""


@dataclass(frozen=True)
class RawRow:
    """One row and where it stands."""

    file: str
    """Path or name of what it was read from."""
    place: str
    """Line or row number in the file; empty where the file is the row."""
    data: bytes | Mapping[str, Any] | None
    """Undecoded JSON, or fields by name; None when ``problem`` says why there is none."""
    problem: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What the source knows of the row (path, licence), where the row itself does not say."""

    @property
    def id(self) -> str:
        """``file:place``."""
        return f"{self.file}:{self.place}" if self.place else self.file
