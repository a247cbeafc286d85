"""Keep compiled test programs and the codec beside the verdict cache, so that a task's tests are built once.

A file is named after the digest of everything that decides its content (toolchain, sources, crates). Unreadable files
are built again. Without a folder, programs are kept for the life of the process.

Not covered: eviction; the folder can be deleted at any time.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from burnish.fsio import disk_errors, write_atomic
from burnish.verify.once import MadeOnce

MOST_IN_MEMORY = 128


@dataclass
class Kept:
    """Compiled program with facts about it, or the reason why there is none."""

    content: bytes = b""
    names: tuple[str, ...] = ()
    problem: str = ""
    cpu_ms: float = 0.0


@dataclass
class ProgramStore:
    """Store that is safe to call from several threads; two that want the same program build it once."""

    folder: Path | None = None
    _held: MadeOnce[Kept] = field(default_factory=lambda: MadeOnce(MOST_IN_MEMORY))

    def get(self, key: str, make: Callable[[], tuple[Kept, bool]]) -> Kept:
        """Return the program stored under ``key``, or that of ``make``, which is stored if it is lasting."""

        def read_or_made() -> tuple[Kept, bool]:
            kept, lasting = self._read(key), True
            if kept is None:
                kept, lasting = make()
                if lasting:
                    self._write(key, kept)
            return kept, lasting

        return self._held.get(key, read_or_made)[0]

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
