"""Compiled test programs and the codec, kept beside the verdict cache: a task's tests are built once.

A file is named after the digest of all that decides its content (toolchain, sources, crates). What cannot be read is
built again. Without a folder, things are kept for the life of the process.

Not covered: eviction; the folder can be deleted at any time.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from burnish.fsio import disk_errors, write_atomic

MOST_IN_MEMORY = 128


@dataclass
class Kept:
    """One compiled thing: its bytes and what is known about it, or why there is none."""

    content: bytes = b""
    names: tuple[str, ...] = ()
    problem: str = ""
    cpu_ms: float = 0.0


@dataclass
class ProgramStore:
    """Safe to call from several threads; two that want the same thing wait for one another."""

    folder: Path | None = None
    _held: dict[str, Kept] = field(default_factory=dict)
    _making: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str, make: Callable[[], tuple[Kept, bool]]) -> Kept:
        """What is kept under ``key``, or what ``make`` returns, which is kept when it says that it may be."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            found = self._held.get(key) or self._read(key)
            lasting = True
            if found is None:
                found, lasting = make()
                if lasting:
                    self._write(key, found)
            if lasting:
                self._hold(key, found)
        with self._lock:
            self._making.pop(key, None)
        return found

    def _hold(self, key: str, kept: Kept) -> None:
        with self._lock:
            self._held[key] = kept
            while len(self._held) > MOST_IN_MEMORY:
                del self._held[next(iter(self._held))]

    def _read(self, key: str) -> Kept | None:
        if self.folder is None:
            return None
        with suppress(OSError, ValueError, KeyError, TypeError, zlib.error):
            head, _, content = (self.folder / key).read_bytes().partition(b"\n")
            about = json.loads(head)
            return Kept(zlib.decompress(content), tuple(about["names"]), str(about["problem"]))
        return None

    def _write(self, key: str, kept: Kept) -> None:
        if self.folder is None:
            return
        head = json.dumps({"names": kept.names, "problem": kept.problem}).encode()
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / key, head + b"\n" + zlib.compress(kept.content, 1))
