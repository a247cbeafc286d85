"""Read examples from a source one by one, recording unusable rows within a budget.

Positions count raw rows of a source, over all its files, from 0: a reader that stopped after position n continues with
``start=n``. Not covered: which rows are worth keeping (`data.filters`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import assert_never

from pydantic import JsonValue

from burnish.config.data.training_data import (
    CratesSource,
    FunctionsSource,
    HubSource,
    JsonlSource,
    JsonSource,
    ParquetSource,
    SourceConfig,
    TextSource,
    source_name,
)
from burnish.data.sources.crates import crate_files, rust_files
from burnish.data.sources.files import json_lines, json_list, matching_files, text_document
from burnish.data.sources.forms import FORMS, example_of
from burnish.data.sources.functions import functions_of
from burnish.data.sources.hub import Loader, hub_rows
from burnish.data.sources.parquet import parquet_length, parquet_rows
from burnish.data.sources.raw import BadRow, OtherSplit, RawRow
from burnish.errors import DataError
from burnish.fsio import digest_file
from burnish.progress import progress
from burnish.records import Example
from burnish.records.files import write_rows


class BadRows:
    """Unusable rows of all sources; each is counted once, however often it is read."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._seen: set[tuple[str, str]] = set()
        self.rows: list[dict[str, object]] = []
        """Objects ``{"path", "line", "reason"}``; ``line`` is a number if the place is one."""

    def add(self, file: str, place: str, reason: str) -> bool:
        """Record a row, and return whether it is new; raise DataError when the budget is exceeded."""
        if (file, place) in self._seen:
            return False
        self._seen.add((file, place))
        line: object = int(place) if place.isdigit() else place
        self.rows.append({"path": file, "line": line, "reason": reason})
        if len(self.rows) > self._budget:
            raise DataError(
                f"{file}:{place}: {reason}." if place else f"{file}: {reason}.",
                f"Fix or remove the row, or raise bad_rows above {self._budget} (in a recipe data.bad_rows).",
            )
        return True

    def write(self, path: Path) -> None:
        """Write one JSON line per row; write no file without rows."""
        if self.rows:
            write_rows(path, self.rows)


def stream(
    source: SourceConfig, name: str, bad: BadRows, *, start: int = 0, load: Loader | None = None
) -> Iterator[tuple[int, Example]]:
    """Yield usable rows from position ``start`` on, each with the next position.

    ``limit`` counts usable rows from the beginning, so a limited source is read from there. ``load`` replaces
    `datasets.load_dataset`. Raises DataError as `BadRows.add` and the readers of files do.
    """
    used = 0
    first = start if source.limit is None else 0
    for position, raw in enumerate(raw_rows(source, first, load), first):
        if source.limit is not None and used >= source.limit:
            return
        try:
            example = example_of(raw, source, name)
        except BadRow as reason:
            if position >= start:
                bad.add(raw.file, raw.place, str(reason))
            continue
        except OtherSplit:
            continue
        used += 1
        if position >= start:
            yield position + 1, example


def raw_rows(source: SourceConfig, start: int = 0, load: Loader | None = None) -> Iterator[RawRow]:
    """Yield raw rows from position ``start`` on."""
    match source:
        case HubSource():
            yield from hub_rows(source, start, load)
        case ParquetSource():
            for file in matching_files(source.path):
                length = parquet_length(file) if start else 0
                if start and start >= length:
                    start -= length
                    continue
                yield from parquet_rows(file, start)
                start = 0
        case JsonlSource():
            files = matching_files(source.path)
            yield from itertools.islice(itertools.chain.from_iterable(map(json_lines, files)), start, None)
        case JsonSource():
            files = matching_files(source.path)
            yield from itertools.islice(itertools.chain.from_iterable(map(json_list, files)), start, None)
        case TextSource():
            base = _base(source.path)
            for file in matching_files(source.path)[start:]:
                yield text_document(file, file.relative_to(base).as_posix())
        case CratesSource():
            yield from itertools.islice(crate_files(source.path), start, None)
        case FunctionsSource():
            functions = itertools.chain.from_iterable(map(functions_of, crate_files(source.path)))
            yield from itertools.islice(functions, start, None)
        case _:
            assert_never(source)


def source_files(source: SourceConfig) -> list[Path]:
    """Return the local files a source reads, in order; none for the hub. Raises DataError when they are not there."""
    match source:
        case HubSource():
            return []
        case CratesSource() | FunctionsSource():
            files = list(rust_files(source.path))
            if not files:
                raise DataError(f"no .rs file below {source.path}.", "Give a folder of crates.")
            manifests = {p / "Cargo.toml" for f in files for p in f.parents if p.is_relative_to(source.path)}
            return sorted([*files, *(manifest for manifest in manifests if manifest.is_file())])
        case _:
            return matching_files(source.path)


def source_digests(source: SourceConfig) -> list[JsonValue]:
    """List path and digest of every local file of a source; none for a hub data set, which its settings identify."""
    return [[str(file), digest_file(file)] for file in source_files(source)]


def nothing_usable(source: SourceConfig) -> DataError:
    """Build the error of a source without one usable row."""
    return DataError(f"{source_name(source)} has no usable row.", f"Each row needs {FORMS}.")


def check_sources(sources: Sequence[SourceConfig], bad_rows: int) -> set[tuple[str, ...]]:
    """Read everything once and keep nothing; raise what `read_sources` would raise.

    Returns the roles of every kind of conversation among the rows.
    """
    bad = BadRows(bad_rows)
    conversations: set[tuple[str, ...]] = set()
    with progress("check", total=None, unit="rows") as bar:
        for source in sources:
            used = 0
            for _, example in stream(source, source_name(source), bad):
                used += 1
                bar.advance()
                if example.messages:
                    conversations.add(tuple(message.role for message in example.messages))
            if not used:
                raise nothing_usable(source)
    return conversations


def read_sources(
    sources: Sequence[SourceConfig], *, bad_rows: int, rejected: Path, load: Loader | None = None
) -> list[Example]:
    """Return all usable rows, in order; their ids are ``file:place``.

    Args:
        sources: what to read, with weight and limit.
        bad_rows: how many unusable rows may be left out, over all sources.
        rejected: gets one JSON line ``{"path", "line", "reason"}`` per unusable row; not written when there is none.
        load: replaces `datasets.load_dataset`.

    Raises:
        DataError: a file is missing or has no usable row, or there are more unusable rows than ``bad_rows``.
    """
    examples: list[Example] = []
    bad = BadRows(bad_rows)
    try:
        with progress("read", total=None, unit="rows") as bar:
            for source in sources:
                before = len(examples)
                for _, example in stream(source, source_name(source), bad, load=load):
                    examples.append(example)
                    bar.advance()
                if len(examples) == before:
                    raise nothing_usable(source)
    finally:
        bad.write(rejected)
    return examples


def _base(path: Path) -> PurePath:
    """Return the folder a glob begins in, or the file's own."""
    plain = itertools.takewhile(lambda part: not set(part) & set("*?["), path.parts)
    base = Path(*plain)
    return base.parent if base == path else base
