"""Apply stateless filters to raw rows in one or several processes, in order.

A chunk of rows is examined as one piece, so that handing it to another process costs little. The result depends on the
rows alone: one process and many give the same. Memory holds a few chunks per process.

Not covered: filters that remember earlier rows (`data.filters.filtered_source` asks them, in order).
"""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Self

from burnish.config.data.filters import FilterConfig
from burnish.config.data.training_data import SourceConfig
from burnish.data.filters.base import Filter, RustCode
from burnish.data.filters.build import ORDERED, stateless_filter
from burnish.data.sources.forms import example_of
from burnish.data.sources.raw import BadRow, RawRow
from burnish.errors import MachineError
from burnish.records import Example

CHUNK = 256
_AHEAD = 3
"""Chunks in flight per process."""

Places = Sequence[tuple[int, Filter]]
"""Filters with their place in the configuration."""


@dataclass(frozen=True)
class Examined:
    """One raw row after the stateless filters."""

    file: str
    place: str
    example: Example | None
    """None when the row cannot be used; ``detail`` says why."""
    refused: int | None = None
    """Index of the first stateless filter that rejects the row."""
    detail: str = ""


class Examiner:
    """Examines chunks of rows with ``workers`` processes, or in this one; a context manager."""

    def __init__(self, filters: Sequence[FilterConfig], workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._filters = _stateless(filters)
        if workers > 1:
            self._pool = ProcessPoolExecutor(
                workers,
                mp_context=multiprocessing.get_context("spawn"),  # verifiers have threads, which do not survive a fork
                initializer=_begin,
                initargs=(tuple(filters),),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def examine(
        self, rows: Iterable[RawRow], source: SourceConfig, name: str, *, filtered: bool = True
    ) -> Iterator[list[Examined]]:
        """Yield chunks in the order of ``rows``; without ``filtered`` no filter runs."""
        chunks = _chunks(rows)
        if self._pool is None:
            filters = self._filters if filtered else ()
            for chunk in chunks:
                yield examine_chunk(chunk, source, name, filters)
            return
        running: deque[Future[list[Examined]]] = deque()
        try:
            for chunk in chunks:
                running.append(self._pool.submit(_examine, chunk, source, name, filtered))
                if len(running) >= self._workers * _AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool as error:
            raise MachineError(
                "a process that filtered rows was killed, probably because memory ran out.",
                "Finished work is kept; run the same command again with fewer workers.",
            ) from error
        finally:
            for future in running:
                future.cancel()


def examine_chunk(chunk: Sequence[RawRow], source: SourceConfig, name: str, filters: Places) -> list[Examined]:
    """Examine one chunk in this process."""
    return [_examine_row(raw, source, name, filters) for raw in chunk]


def _examine_row(raw: RawRow, source: SourceConfig, name: str, filters: Places) -> Examined:
    try:
        example = example_of(raw, source, name)
    except BadRow as reason:
        return Examined(raw.file, raw.place, None, detail=str(reason))
    code = RustCode(example)
    for place, rule in filters:
        if not rule.keeps(example, code):
            return Examined(raw.file, raw.place, example, place, rule.detail(example, code))
    return Examined(raw.file, raw.place, example)


def _chunks(rows: Iterable[RawRow]) -> Iterator[list[RawRow]]:
    rows = iter(rows)
    while chunk := list(itertools.islice(rows, CHUNK)):
        yield chunk


def _stateless(configs: Sequence[FilterConfig]) -> Places:
    return [
        (place, stateless_filter(config)) for place, config in enumerate(configs) if not isinstance(config, ORDERED)
    ]


_own: Places = ()
"""Filters of a worker process, built once at its start."""


def _begin(configs: Sequence[FilterConfig]) -> None:
    global _own  # noqa: PLW0603 (the one place where a pool lets a process keep something)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles interrupts
    _own = _stateless(configs)


def _examine(chunk: Sequence[RawRow], source: SourceConfig, name: str, filtered: bool) -> list[Examined]:
    return examine_chunk(chunk, source, name, _own if filtered else ())
