"""Files that survive crashes: atomic writes, torn lines, digests."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DiskError
from burnish.fsio import (
    append_lines,
    digest_bytes,
    digest_file,
    digest_folder,
    digest_json,
    disk_errors,
    read_lines,
    whole_folder,
    write_atomic,
    write_json,
)

LINE = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``limit`` bytes: writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")
    with small_files(1000), pytest.raises(OSError, match="File too large"):
        write_atomic(path, "new" * 1000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_append_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append_lines(path, ["a" * 400])
    with small_files(1000), pytest.raises(OSError, match="File too large"):
        append_lines(path, ["b" * 400, "c" * 400])
    assert list(read_lines(path)) == ["a" * 400]


@settings(max_examples=50)
@given(before=st.lists(LINE), torn=LINE, after=st.lists(LINE, min_size=1))
def test_a_truncated_last_line_is_ignored_and_removed_by_the_next_append(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], torn: str, after: list[str]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    append_lines(path, before)
    with path.open("ab") as file:
        file.write(torn.encode())
    assert list(read_lines(path)) == before
    append_lines(path, after)
    assert list(read_lines(path)) == before + after


def test_a_truncated_line_longer_than_a_block_is_removed_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"whole\n" + b"x" * 200_000)
    append_lines(path, ["next"])
    assert path.read_bytes() == b"whole\nnext\n"


def test_appending_nothing_makes_no_file(tmp_path: Path) -> None:
    append_lines(tmp_path / "rows", [])
    assert not (tmp_path / "rows").exists()


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOSPC, "no space left on the disk while writing"),
        (errno.EDQUOT, "no space left on the disk while writing"),
        (errno.EROFS, "cannot write"),
        (errno.EACCES, "cannot write"),
    ],
)
def test_disk_faults_become_disk_errors(number: int, cause: str, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=cause), disk_errors(tmp_path):
        raise OSError(number, os.strerror(number))


def test_other_errors_are_passed_through(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), disk_errors(tmp_path):
        raise IsADirectoryError(errno.EISDIR, "is a directory")


def test_different_content_has_different_digests(tmp_path: Path) -> None:
    assert digest_bytes(b"ab", b"c") != digest_bytes(b"a", b"bc")
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1}) != digest_json({"a": 1, "b": 3})
    write_json(tmp_path / "one" / "f", {"ä": 1})
    write_json(tmp_path / "two" / "f", {"ä": 1})
    assert digest_file(tmp_path / "one" / "f") == digest_file(tmp_path / "two" / "f")
    assert digest_folder(tmp_path / "one") == digest_folder(tmp_path / "two")
    (tmp_path / "two" / "f").rename(tmp_path / "two" / "g")
    assert digest_folder(tmp_path / "one") != digest_folder(tmp_path / "two")


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(FileNotFoundError), whole_folder(out) as part:
        (part / "half").write_text((part / "gone").read_text())
    assert list(tmp_path.iterdir()) == []
    with whole_folder(out) as part:
        (part / "a").write_text("1")
        assert not out.exists()
    assert [path.name for path in out.iterdir()] == ["a"]


def test_a_folder_that_holds_something_is_replaced_only_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("1")
    with pytest.raises(OSError, match="not empty"), whole_folder(out) as part:
        (part / "new").write_text("2")
    assert [path.name for path in out.iterdir()] == ["old"]
    with whole_folder(out, replacing=True) as part:
        (part / "new").write_text("2")
    assert [path.name for path in out.iterdir()] == ["new"]
