from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.config.data.training_data import ParquetSource
from burnish.data.sources.parquet import parquet_rows
from burnish.data.sources.reading import BadRows, stream
from burnish.errors import DataError

arrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")


def write(path: Path, columns: dict[str, Any]) -> Path:
    from pyarrow import parquet

    parquet.write_table(arrow.table(columns), path, row_group_size=3)
    return path


@pytest.mark.parametrize("skip", range(9))
def test_parquet_rows_can_be_read_from_any_position(tmp_path: Path, skip: int) -> None:
    path = write(tmp_path / "a.parquet", {"text": [str(n) for n in range(1, 9)]})
    rows = list(parquet_rows(path, skip))
    assert [row.place for row in rows] == [str(n) for n in range(skip + 1, 9)]
    assert [row.data for row in rows] == [{"text": str(n)} for n in range(skip + 1, 9)]


def test_parquet_conversations_are_read_and_numbers_refused(tmp_path: Path) -> None:
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    [(_, row)] = stream(ParquetSource(path=write(tmp_path / "m.parquet", {"messages": [talk]})), "m", BadRows(0))
    assert [turn.content for turn in row.messages] == ["q", "a"]
    floats = ParquetSource(path=write(tmp_path / "f.parquet", {"question": ["q"], "answer": [1008.0]}))
    with pytest.raises(DataError, match=r"f.parquet:1: answer: input should be a valid string"):
        list(stream(floats, "f", BadRows(0)))


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("text")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        list(parquet_rows(tmp_path / "a.parquet"))
