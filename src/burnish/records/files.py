"""Read and write files of records and of plain JSON rows, one per line; the only place that does.

A torn last line, left by a crash, is not read. Not covered: rows of a user's own files (`data.sources`), which may be
left out within a budget.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from burnish.errors import DataError
from burnish.fsio import Needs, given_lines, numbered_lines, write_atomic, wrong_field
from burnish.records.base import Record

R = TypeVar("R", bound=Record)


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write a record file atomically."""
    write_atomic(path, "".join(record.to_json() + "\n" for record in records))


def read_records(kind: type[R], path: Path) -> Iterator[R]:
    """Read the records of a file in order; a missing file has none.

    Raises DataError naming file, line and the first wrong field.
    """
    for _, record in numbered_records(kind, path):
        yield record


def numbered_records(kind: type[R], path: Path) -> Iterator[tuple[int, R]]:
    """Read the records of a file with their line numbers, which begin at 1; errors as `read_records`."""
    return _parsed(kind, path, numbered_lines(path) if path.exists() else ())


def given_records(kind: type[R], path: Path) -> Iterator[tuple[int, R]]:
    """Read the records of a user's file: gzipped or not, the last line with or without a newline.

    Raises DataError as `read_records`.
    """
    return _parsed(kind, path, given_lines(path))


def _parsed(kind: type[R], path: Path, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, R]]:
    for number, line in lines:
        try:
            yield number, kind.from_json(line)
        except DataError as error:
            raise DataError(f"{path}:{number}: {error.cause}", error.way_out) from error


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write plain JSON rows atomically."""
    write_atomic(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_rows(path: Path, needs: Needs | None = None) -> Iterator[dict[str, Any]]:
    """Read plain JSON rows in order; a missing file has none. Raises DataError naming file and line.

    ``needs`` are fields that each row must have, as for `fsio.read_object`.
    """
    for number, line in numbered_lines(path) if path.exists() else ():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number}: not JSON: {error}", "Restore the file, or remove this line.") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}:{number}: not a JSON object", "Restore the file, or remove this line.")
        problem = wrong_field(row, needs or {})
        if problem:
            raise DataError(f"{path}:{number}: {problem}", "Restore the file, or remove this line.")
        yield row
