"""The hub itself is never asked: a loader that opens local files stands in for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from burnish.config.data.training_data import HubSource
from burnish.data.sources.hub import LoadedDataset, Loader
from burnish.data.sources.reading import BadRows, stream
from burnish.errors import DataError

ASKED: list[tuple[Any, ...]] = []


class Rows:
    """A data set in memory."""

    def __init__(self, rows: list[Mapping[str, Any]]) -> None:
        self.all = rows

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.all)

    def skip(self, n: int) -> Iterable[Mapping[str, Any]]:
        return self.all[n:]


def opening(rows: list[Mapping[str, Any]]) -> Loader:
    def load(path: str, name: str | None, *, split: str, revision: str | None, streaming: bool) -> LoadedDataset:
        ASKED.append((path, name, split, revision, streaming))
        return Rows(rows)

    return load


def test_hub_rows_carry_the_name_of_their_data_set() -> None:
    load = opening([{"content": "a", "max_stars_repo_path": "x.rs"}, {"content": 1}, {"content": "b"}])
    source = HubSource(dataset="owner/name", subset="rust", revision="abc", streaming=False)
    bad = BadRows(1)
    rows = list(stream(source, "owner/name", bad, load=load))
    assert [(position, row.id, row.text) for position, row in rows] == [
        (1, "owner/name:1", "a"),
        (3, "owner/name:3", "b"),
    ]
    assert ASKED[-1] == ("owner/name", "rust", "train", "abc", False)
    assert bad.rows[0]["line"] == 2
    assert [row.id for _, row in stream(source, "s", BadRows(0), start=2, load=load)] == ["owner/name:3"]


@pytest.mark.parametrize("streaming", [True, False])
def test_data_sets_are_opened_by_the_real_library(
    tmp_path: Path, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets", reason="the train extra is not installed")
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"prompt": str(n), "completion": "a"}) + "\n" for n in range(5)))

    def load(path: str, name: str | None, *, split: str, revision: str | None, streaming: bool) -> LoadedDataset:
        opened: LoadedDataset = datasets.load_dataset(
            "json", name, data_files=str(file), split=split, streaming=streaming, cache_dir=str(tmp_path / "cache")
        )
        return opened

    source = HubSource(dataset="local", streaming=streaming)
    rows = list(stream(source, "local", BadRows(0), load=load))
    assert [row.messages[0].content for _, row in rows] == ["0", "1", "2", "3", "4"]
    assert list(stream(source, "local", BadRows(0), start=3, load=load)) == rows[3:]


@pytest.mark.parametrize(
    "error", [FileNotFoundError("no such data set."), ValueError("no such split\nmore"), ConnectionError()]
)
def test_an_unavailable_data_set_is_refused(error: Exception) -> None:
    def load(path: str, name: str | None, *, split: str, revision: str | None, streaming: bool) -> LoadedDataset:
        raise error

    with pytest.raises(DataError, match="the data set owner/name cannot be read: ") as caught:
        list(stream(HubSource(dataset="owner/name"), "s", BadRows(0), load=load))
    assert "kind: parquet" in caught.value.way_out
    assert "\n" not in caught.value.cause
