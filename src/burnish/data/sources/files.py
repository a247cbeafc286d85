"""Find the files of a path or glob, and read them as lines, lists and documents.

Globs match in sorted order, so that every machine reads the same sequence. Gzipped files are
decompressed. Not covered: other compression, Parquet.
"""

from __future__ import annotations

import difflib
import glob
import json
from collections.abc import Iterator
from pathlib import Path

from burnish.data.sources.raw import RawRow
from burnish.errors import DataError
from burnish.fsio import HALF_PAIR, given_lines, half_pair, opened_plain

_ALIKE = 0.8
"""Likeness of two names, of which one may be a slip for the other; any two files of a kind share their endings."""
_WILD = frozenset("*?[")


def matching_files(path: Path) -> list[Path]:
    """Return the file, or the files a glob matches, sorted; raise DataError when there are none."""
    if path.is_file():
        return [path]
    if path.is_dir():
        raise DataError(f"the training file {path} is a folder.", f"Give its files, as in {path}/*.jsonl.")
    if _WILD & set(str(path)):
        files = sorted(Path(name) for name in _glob(path) if Path(name).is_file())
        if not files:
            raise DataError(f"no file matches {path}.", "Check the glob; ** matches folders at any depth.")
        return files
    raise DataError(f"the training file {path} does not exist.", nearest_file(path))


def _glob(path: Path) -> list[str]:
    return glob.glob(str(path), recursive=True)  # noqa: PTH207 (Path.glob refuses absolute patterns)


def nearest_file(path: Path, otherwise: str = "Check the path; it is relative to the current folder.") -> str:
    """Return a way out that names the file that was probably meant; ``otherwise`` where none is like it."""
    folder = path.parent
    if not folder.is_dir():
        return f"Folder {folder} does not exist either; paths are relative to the current folder."
    close = difflib.get_close_matches(path.name, sorted(other.name for other in folder.iterdir()), n=1, cutoff=_ALIKE)
    return f"Did you mean {folder / close[0]}?" if close else otherwise


def json_lines(file: Path) -> Iterator[RawRow]:
    """Yield lines that are not blank, undecoded; a last line without a newline counts."""
    for number, line in given_lines(file):
        yield RawRow(str(file), str(number), line)


def json_list(file: Path) -> Iterator[RawRow]:
    """Yield items of a JSON list; raise DataError for a file without one, since it has no usable row."""
    try:
        with opened_plain(file) as opened:
            rows = json.loads(opened.read().decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError(
            f"{file} is not JSON: {error}.", f"Fix {file}; for one object per line use kind: jsonl."
        ) from error
    if not isinstance(rows, list):
        raise DataError(f"{file} holds a JSON {type(rows).__name__}, not a list of rows.", "Give a list of objects.")
    for number, row in enumerate(rows, 1):
        if isinstance(row, dict) and half_pair(row):
            yield RawRow(str(file), str(number), None, HALF_PAIR)
        elif isinstance(row, dict):
            yield RawRow(str(file), str(number), row)
        else:
            yield RawRow(str(file), str(number), None, f"a JSON {type(row).__name__}, not an object")


def text_document(file: Path, path: str, licence: str = "") -> RawRow:
    """Read a file as one document."""
    known = {"path": path, "licence": licence}
    try:
        return RawRow(str(file), "", {"text": file.read_bytes().decode("utf-8-sig")}, defaults=known)
    except UnicodeDecodeError as error:
        return RawRow(str(file), "", None, f"not UTF-8 at byte {error.start}", defaults=known)
    except OSError as error:
        return RawRow(str(file), "", None, f"cannot be read: {error.strerror}", defaults=known)
