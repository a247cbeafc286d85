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
from dataclasses import dataclass, field, replace
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
    within: str = ""
    """Key under which the content is stored, if several tasks' tests are one program."""


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

    def holds(self, key: str) -> bool:
        """Return whether there is a program under ``key``, without reading it."""
        return self._held.holds(key) or (self.folder is not None and (self.folder / key).is_file())

    def put(self, key: str, kept: Kept) -> None:
        """Store a program that was made together with others."""
        self.get(key, lambda: (kept, True))

    def _read(self, key: str) -> Kept | None:
        if self.folder is None:
            return None
        with suppress(OSError, ValueError, KeyError, TypeError, zlib.error):
            head, _, content = (self.folder / key).read_bytes().partition(b"\n")
            about = json.loads(head)
            kept = Kept(zlib.decompress(content), tuple(about["names"]), str(about["problem"]), within=about["within"])
            if not kept.within:
                return kept
            shared = self._held.get(kept.within, lambda: self._shared(kept.within))[0]
            return replace(kept, content=shared.content) if shared.content else None
        return None

    def _shared(self, key: str) -> tuple[Kept, bool]:
        kept = self._read(key)
        return (Kept(), False) if kept is None else (kept, True)

    def _write(self, key: str, kept: Kept) -> None:
        if self.folder is None:
            return
        head = json.dumps({"names": kept.names, "problem": kept.problem, "within": kept.within}).encode()
        content = b"" if kept.within else kept.content
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / key, head + b"\n" + zlib.compress(content, 1))
