"""Files that survive a crash: atomic writes, append-only JSONL with a torn last line, content digests.

Not covered: locking between processes (`ledger.run_folder` does that).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from burnish.errors import DiskError


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn "no space", "no permission" and "read-only" into a DiskError that names ``path``."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(
                f"no space left on the disk while writing {path}",
                "Everything written before is intact: free some space and run the same command again.",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise DiskError(
                f"cannot write {path}: {error.strerror}", "Choose a folder that you may write to."
            ) from error
        raise


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write the whole file or nothing: temporary file beside it, fsync, rename."""
    data = content.encode() if isinstance(content, str) else content
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append whole lines in one write and fsync; a torn line left by a crash is cut off first."""
    data = "".join(line + "\n" for line in lines).encode()
    if not data:
        return
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            end = _end_of_last_whole_line(descriptor)
            os.ftruncate(descriptor, end)
            os.lseek(descriptor, end, os.SEEK_SET)
            try:
                written = 0
                while written < len(data):
                    written += os.write(descriptor, data[written:])
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def _end_of_last_whole_line(descriptor: int) -> int:
    position = os.lseek(descriptor, 0, os.SEEK_END)
    while position > 0:
        start = max(0, position - 65536)
        block = os.pread(descriptor, position - start, start)
        newline = block.rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines without their newline, with their numbers; blank ones and a torn last line are left out."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n") and line.strip():
                yield number, line[:-1]


def read_lines(path: Path) -> Iterator[str]:
    """The lines of `numbered_lines` as text."""
    for _, line in numbered_lines(path):
        yield line.decode()


def digest_bytes(*parts: bytes) -> str:
    """SHA-256 over length-prefixed parts, as 64 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 of ``value`` as canonical JSON."""
    return digest_bytes(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_folder(path: Path) -> str:
    """SHA-256 over the relative names and bytes of all files below ``path``."""
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return digest_json([[str(p.relative_to(path)), digest_file(p)] for p in files])
