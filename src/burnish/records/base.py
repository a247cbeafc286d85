"""The base of all records: frozen, strict, versioned; one record is one line of JSON."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from burnish.errors import DataError
from burnish.fsio import HALF_PAIR


def first_problem(error: ValidationError, *, whole: str = "") -> str:
    """Return the first problem of a validation: its place (``whole`` if it is in no single field), and the reason."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or whole
    why = first["msg"].removeprefix("Value error, ")  # pydantic's prefix of our own checks' messages
    return f"{place}: {why}" if place else why


class Record(BaseModel):
    """Base of all records: frozen, strict about unknown fields, versioned."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    SCHEMA_VERSION: ClassVar[int] = 1

    schema_version: Literal[1] = 1

    def to_json(self) -> str:
        """Write one line of JSON, without line breaks."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Read one line; raises DataError naming the record kind and the first wrong field."""
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            problem = first_problem(error, whole="the line itself")
            if "hex escape" in problem:  # pydantic's message about half of a surrogate pair does not help a user
                problem = f"the line itself: {HALF_PAIR}, or a torn escape"
            raise DataError(
                f"not a {cls.__name__} record: {problem}",
                "Rebuild the file with this version of burnish, or fix the row.",
            ) from error


class Part(BaseModel):
    """Base of the pieces that records are made of: frozen and strict, without a version of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
