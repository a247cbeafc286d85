"""Reading and writing record files: nothing is lost, and a broken line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.errors import DataError
from burnish.fsio import append_lines
from burnish.records import Completion
from burnish.records.files import numbered_records, read_records, read_rows, write_records, write_rows


def completion(task_id: str, text: str = "fn main() {}") -> Completion:
    return Completion(task_id=task_id, sample_index=0, text=text)


ODD = ["", "ünï\u2028code", 'quo"te\\', "line\nbreak\r\n", "\x00", "a" * 100_000]


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    written = [completion(f"t{n}", text) for n, text in enumerate(ODD)]
    path = tmp_path / "deep" / "completions.jsonl"
    write_records(path, written[:3])
    append_lines(path, [record.to_json() for record in written[3:]])
    assert list(read_records(Completion, path)) == written


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [{"text": text, "n": n, "none": None} for n, text in enumerate(ODD)]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert list(read_rows(tmp_path / "rows.jsonl")) == rows


def test_a_missing_file_and_a_torn_last_line_hold_no_records(tmp_path: Path) -> None:
    path = tmp_path / "completions.jsonl"
    assert list(read_records(Completion, path)) == []
    assert list(read_rows(path)) == []
    write_records(path, [completion("a")])
    with path.open("a") as file:
        file.write('{"task_id": "b", "sample_')
    assert [completion.task_id for completion in read_records(Completion, path)] == ["a"]


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"null", b'{"task_id": 3}', b"\xff\xfe", b"[" * 20_000, b'{"schema_version": 9}', b"{} {}"],
)
def test_a_broken_line_is_named_by_its_place_in_the_file(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "completions.jsonl"
    path.write_bytes(completion("a").to_json().encode() + b"\n\n" + line + b"\n")
    with pytest.raises(DataError, match=r"completions\.jsonl:3: ") as caught:
        list(read_records(Completion, path))
    assert caught.value.way_out
    assert [number for number, _ in zip([1], numbered_records(Completion, path), strict=False)] == [1]


@pytest.mark.parametrize("line", [b"{", b"[]", b"null", b"\xff", b"[" * 200_000])
def test_a_broken_row_is_named_by_its_place_in_the_file(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b"\n")
    with pytest.raises(DataError, match=r"rows\.jsonl:2: "):
        list(read_rows(path))
