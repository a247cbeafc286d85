"""Cache finished steps of data preparation by the digest of all their inputs.

An entry is a folder ``STEP/DIGEST`` below the cache with ``key.json`` (the key as it was given, readable) and ``data``
(what the step wrote). It appears under its name by one rename, whole or not at all; an interrupted step leaves a folder
that ends in ``.partial``, which is never read. Of processes that need the same entry, one writes it and the others wait
for its lock, which the operating system frees even when the writer is killed.

Not covered: the content of a key (the step defines it); caches on network file systems without locks.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pydantic import JsonValue

from burnish.errors import ConfigError
from burnish.fsio import digest_bytes, digest_json, disk_errors, write_json
from burnish.records.layout import CACHE_KEY

DATA = "data"
PARTIAL = ".partial"
_LOCK = ".lock"
_DIGITS = 32


@dataclass(frozen=True)
class Entry:
    """One finished or broken entry."""

    step: str
    digest: str
    folder: Path
    key: Mapping[str, JsonValue] | None
    """None when the entry is broken: interrupted, or its key cannot be read."""
    bytes: int
    used_at: float
    """Seconds since the epoch when it was last written or reused."""

    @property
    def broken(self) -> bool:
        """Return whether the entry is unusable."""
        return self.key is None


class DatasetCache:
    """A folder of entries; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def build(self, step: str, key: Mapping[str, JsonValue], write: Callable[[Path], None]) -> Path:
        """Return the data folder of the entry for ``key``, writing it first if missing.

        Args:
            step: name of the step, one path component.
            key: everything that decides what the step writes.
            write: fills the empty folder it is given. When it raises, no entry is kept and the error propagates.

        Raises:
            ConfigError: the cache is a file.
            DiskError: the cache cannot be written.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise ConfigError(
                f"the cache {self.folder} is a file.", "Give a folder, or a name that does not exist yet."
            )
        entry = self.folder / step / digest_json({"step": step, "key": dict(key)})[:_DIGITS]
        if not _use(entry):
            with disk_errors(entry):
                entry.parent.mkdir(parents=True, exist_ok=True)
            with _locked(_lock_of(entry)):
                if not _use(entry):
                    _write(entry, step, key, write)
        return entry / DATA

    def entries(self) -> list[Entry]:
        """List all entries, also broken ones, most recently used first; skip those being written."""
        listed: list[Entry] = []
        for path in self.folder.glob("*/*"):
            if path.is_dir():
                with _locked(_lock_of(path), wait=False) as free:
                    if free and path.is_dir():
                        listed.append(_read(path))
        return sorted(listed, key=lambda entry: (-entry.used_at, entry.step, entry.digest))

    def prune(
        self,
        *,
        everything: bool = False,
        broken: bool = False,
        unused_s: float | None = None,
        most_bytes: int | None = None,
        now: float | None = None,
    ) -> list[Entry]:
        """Remove entries and return them.

        Args:
            everything: all of them.
            broken: those that nobody can read.
            unused_s: those not written or reused for so many seconds.
            most_bytes: remove those used longest ago until the rest is at most this large.
            now: seconds since the epoch, for ``unused_s``; None asks the clock.
        """
        moment = time.time() if now is None else now
        removed: list[Entry] = []
        stays = 0
        for entry in self.entries():
            old = unused_s is not None and moment - entry.used_at > unused_s
            stays += entry.bytes
            large = most_bytes is not None and stays > most_bytes
            if everything or (broken and entry.broken) or old or large:
                with _locked(_lock_of(entry.folder), wait=False) as free, disk_errors(entry.folder):
                    if free:  # otherwise another process is rewriting it
                        _remove(entry.folder)
                        removed.append(entry)
        return removed


def step_version(*modules: ModuleType) -> str:
    """Compute the digest of a step's source: these modules and all they import from burnish.

    Other packages are not read: a step that depends on their version puts it into the key.
    """
    package = __name__.partition(".")[0]
    sources: dict[str, bytes] = {}
    wanted = [module.__name__ for module in modules]
    while wanted:
        name = wanted.pop()
        if name in sources:
            continue
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ValueError(f"the module {name} has no source")
        sources[name] = Path(spec.origin).read_bytes()
        wanted += [imported for imported in _imports(sources[name]) if imported.partition(".")[0] == package]
    return digest_bytes(*(part for name in sorted(sources) for part in (name.encode(), sources[name])))


def _imports(source: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module
            if node.module.partition(".")[0] != __name__.partition(".")[0]:
                continue  # searching its submodules would import it
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                with contextlib.suppress(ModuleNotFoundError):
                    if importlib.util.find_spec(name) is not None:
                        yield name


def _use(entry: Path) -> bool:
    """Return whether the entry exists, and mark it as used now."""
    if not ((entry / CACHE_KEY).is_file() and (entry / DATA).is_dir()):
        return False
    with contextlib.suppress(PermissionError):  # another user's entry is readable but cannot be marked
        os.utime(entry / CACHE_KEY)
    return True


def _write(entry: Path, step: str, key: Mapping[str, JsonValue], write: Callable[[Path], None]) -> None:
    """Write under a temporary name, then rename; the lock's holder may remove leftovers."""
    partial = entry.with_name(entry.name + PARTIAL)
    with disk_errors(entry):
        for leftover in (partial, entry):
            if leftover.exists():
                shutil.rmtree(leftover)
        (partial / DATA).mkdir(parents=True)
    try:
        with disk_errors(entry):
            write(partial / DATA)
            write_json(partial / CACHE_KEY, {"step": step, "key": dict(key)})
            partial.rename(entry)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _read(folder: Path) -> Entry:
    key: Mapping[str, JsonValue] | None = None
    if not folder.name.endswith(PARTIAL) and (folder / DATA).is_dir():
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            key = json.loads((folder / CACHE_KEY).read_text(encoding="utf-8"))["key"]
    files = [path.stat() for path in folder.rglob("*") if path.is_file()]
    known = folder / CACHE_KEY if (folder / CACHE_KEY).is_file() else folder
    return Entry(
        step=folder.parent.name,
        digest=folder.name.removesuffix(PARTIAL),
        folder=folder,
        key=key if isinstance(key, dict) else None,
        bytes=sum(file.st_size for file in files),
        used_at=known.stat().st_mtime,
    )


def _remove(folder: Path) -> None:
    """Remove an entry under its lock, renaming it first so that no process reads a remainder."""
    partial = folder.with_name(folder.name.removesuffix(PARTIAL) + PARTIAL)
    if folder != partial:
        shutil.rmtree(partial, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            folder.rename(partial)
    shutil.rmtree(partial, ignore_errors=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name.removesuffix(PARTIAL) + _LOCK)


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock, or log that another process does.

    The file stays: removing it would let two processes hold it.
    """
    with disk_errors(path), path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
