"""Cache verdicts by the digest of everything that decides them.

`SqliteVerdictCache` is a file that several processes share (write-ahead log); `MemoryVerdictCache` is its fake. Both
refuse timeouts, which depend on the machine's load, and infra, which is not a verdict.

Not covered: eviction; a cache file can be deleted at any time.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from burnish.errors import DataError, DiskError
from burnish.fsio import disk_errors
from burnish.records import Verdict

_BATCH = 500
_WAIT_S = 60.0
_LOST = "Delete that file; nothing but time is lost with it."
_SCHEMA = "CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID"


def may_store(verdict: Verdict) -> bool:
    """Return whether a verdict is the same every time."""
    return verdict.status != "infra" and verdict.reason != "timeout"


class MemoryVerdictCache:
    """Keep verdicts for the life of the process."""

    def __init__(self) -> None:
        self._verdicts: dict[str, Verdict] = {}

    def get_many(self, keys: Iterable[str]) -> dict[str, Verdict]:
        """Return the known verdicts of ``keys``."""
        return {key: self._verdicts[key] for key in keys if key in self._verdicts}

    def put(self, key: str, verdict: Verdict) -> None:
        """Store; ValueError for timeouts and infra."""
        _refuse(verdict)
        self._verdicts[key] = verdict


class SqliteVerdictCache:
    """Keep verdicts in a file; threads and processes may share it. Raises DiskError when the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._sqlite_errors():
            self._connection = sqlite3.connect(path, timeout=_WAIT_S, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(_SCHEMA)

    def get_many(self, keys: Iterable[str]) -> dict[str, Verdict]:
        """Return the known verdicts of ``keys``."""
        wanted = list(keys)
        known: dict[str, Verdict] = {}
        with self._lock, self._sqlite_errors():
            for start in range(0, len(wanted), _BATCH):
                part = wanted[start : start + _BATCH]
                marks = ",".join("?" * len(part))
                rows = self._connection.execute(f"SELECT key, record FROM verdicts WHERE key IN ({marks})", part)
                known.update((key, self._verdict(record)) for key, record in rows)
        return known

    def _verdict(self, record: str) -> Verdict:
        try:
            return Verdict.from_json(record)
        except DataError as error:
            raise DiskError(f"the verdict cache {self._path} is broken: {error.cause}.", _LOST) from error

    def put(self, key: str, verdict: Verdict) -> None:
        """Store at once; ValueError for timeouts and infra."""
        _refuse(verdict)
        with self._lock, self._sqlite_errors():
            self._connection.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?)", (key, verdict.to_json()))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _sqlite_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise DiskError(
                f"the verdict cache {self._path} cannot be used: {error}.", f"Free some space. {_LOST}"
            ) from error


def _refuse(verdict: Verdict) -> None:
    if not may_store(verdict):
        raise ValueError(f"a verdict {verdict.status}/{verdict.reason} must not be kept")
