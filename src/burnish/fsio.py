"""Files that survive a crash: atomic writes, append-only JSONL that tolerates a torn last line, content digests.

Not covered: locking between processes (`ledger.run_folder` does that).
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from burnish.errors import DataError, DiskError

HALF_PAIR = "half of a surrogate pair, as \\ud83d alone, which is not a character"
_ESCAPE = re.compile(r"\\(?:u(?P<code>[0-9a-fA-F]{4})|.)", re.DOTALL)
_GZIP = b"\x1f\x8b"
_OTHER_PACKERS = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "unzip"}


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise "no space", "no permission" and "read-only" as a DiskError that names ``path``."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(
                f"no space left on the disk while writing {path}",
                "All files written earlier are intact: free some space and run the same command again.",
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


@contextlib.contextmanager
def whole_folder(out: Path, *, replacing: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes ``out`` when the body ends without an error.

    ``out`` must not hold anything yet, unless ``replacing``.
    """
    part = out.with_name(f".{out.name}.part")
    with disk_errors(out):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            yield part
            if replacing:
                shutil.rmtree(out, ignore_errors=True)
            part.replace(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)


RESTORE = "Restore it from a copy, or remove its folder and start anew."


Needs = Mapping[str, type | tuple[type, ...]]
"""Types of fields that an object must have, by name (``a.b`` lies in ``a``), with the types that each may be of."""
NUMBER = (int, float)


def read_object(path: Path, way_out: str = RESTORE, needs: Needs | None = None) -> dict[str, Any]:
    """Read a file of ours that holds one JSON object; raises DataError naming the file, FileNotFoundError without one.

    ``way_out`` is the advice for a broken file: a full disk, an editor, an incomplete copy.
    """
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, numbers of too many digits, nested too deeply
        raise DataError(f"{path} is broken: {error or 'nested too deeply'}.", way_out) from error
    if not isinstance(value, dict):
        raise DataError(f"{path} is broken: it holds no JSON object.", way_out)
    problem = wrong_field(value, needs or {})
    if problem:
        raise DataError(f"{path} is broken: {problem}.", way_out)
    return value


def wrong_field(value: Mapping[str, Any], needs: Needs) -> str:
    """Return the problem of the first field that does not meet ``needs``; empty without any."""
    for name, kinds in needs.items():
        inner: Any = value
        for step in name.split("."):
            if not isinstance(inner, dict) or step not in inner:
                return f"it has no {name}"
            inner = inner[step]
        if not isinstance(inner, kinds) or isinstance(inner, bool):
            return f"its {name} is {type(inner).__name__}, not {_kind_names(kinds)}"
    return ""


def _kind_names(kinds: type | tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append lines in one write and fsync, after cutting off a line torn by a crash."""
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
    """Yield numbered lines without newlines; skip blank lines and an incomplete last line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n") and line.strip():
                yield number, line[:-1]


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of `numbered_lines` as text."""
    for _, line in numbered_lines(path):
        yield line.decode()


def given_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines of a user's file, without blank ones; a last one without a newline counts.

    A gzipped file is decompressed. Raises DataError when it is damaged, or compressed otherwise.
    """
    with opened_plain(path) as file:
        try:
            for number, line in enumerate(file, 1):
                # A byte order mark is not part of the text.
                plain = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if plain.strip():
                    yield number, plain
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{path} is damaged: {error}.", "Fetch it again; gzip -t says whether it is whole."
            ) from error


@contextlib.contextmanager
def opened_plain(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file for reading bytes, decompressing gzip. Raises DataError when it is compressed otherwise."""
    with path.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        packer = next((name for magic, name in _OTHER_PACKERS.items() if start.startswith(magic)), None)
        if packer is not None:
            raise DataError(
                f"{path} is packed with {packer}.", f"Unpack it: {packer} {'' if packer == 'unzip' else '-d '}{path}"
            )
        if start.startswith(_GZIP):
            with gzip.open(file) as unpacked:
                yield unpacked
        else:
            yield file


def parse_json(data: bytes | str) -> Any:
    """Parse a JSON text; raise JSONDecodeError or UnicodeDecodeError.

    Unlike `json.loads` it refuses half of a surrogate pair, which cannot be encoded as UTF-8.
    """
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    value = json.loads(text)
    place = _half_pair_in(text)
    if place is not None:
        raise json.JSONDecodeError(HALF_PAIR, text, place)
    return value


def without_nulls(value: Any) -> Any:
    """Return ``value`` without null entries, at every depth of its mappings."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(item) for item in value]
    return value


def half_pair(value: Any) -> bool:
    """Return whether a text, or any text in plain values, holds half of a surrogate pair."""
    try:
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)).encode()
    except UnicodeEncodeError:
        return True
    return False


def whole_characters(text: str) -> str:
    """Replace each half of a surrogate pair by the replacement character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _half_pair_in(text: str) -> int | None:
    """Return where a JSON text escapes half of a surrogate pair; None without one."""
    if "\\ud" not in text and "\\uD" not in text:
        return None
    high: re.Match[str] | None = None
    for escape in _ESCAPE.finditer(text):
        code = int(escape["code"], 16) if escape["code"] else 0
        if high is not None and not (0xDC00 <= code < 0xE000 and escape.start() == high.end()):
            return high.start()
        if 0xDC00 <= code < 0xE000 and high is None:
            return escape.start()
        high = escape if 0xD800 <= code < 0xDC00 else None
    return None if high is None else high.start()


def digest_bytes(*parts: bytes) -> str:
    """Compute SHA-256 over length-prefixed parts, as 64 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def digest_json(value: Any) -> str:
    """Compute SHA-256 of ``value`` as canonical JSON."""
    return digest_bytes(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def digest_file(path: Path) -> str:
    """Compute SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_folder(path: Path) -> str:
    """Compute SHA-256 over the relative names and bytes of all files below ``path``."""
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return digest_json([[str(p.relative_to(path)), digest_file(p)] for p in files])
