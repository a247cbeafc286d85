"""``burnish data cache`` lists what is there and removes what it is told to, and nothing without being told."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from burnish.cli.app import app
from burnish.data.cache import DatasetCache
from burnish.records.layout import CACHE_KEY


@pytest.fixture
def cache(tmp_path: Path) -> DatasetCache:
    made = DatasetCache(tmp_path / "cache")
    for step, rows in (("encode", 3000), ("prepare", 1500)):
        made.build(step, {"rows": rows}, partial(_write, rows))
    return made


def _write(size: int, folder: Path) -> None:
    (folder / "rows.jsonl").write_text("x" * size)


def run(cache: DatasetCache, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["data", "cache", *arguments, "--cache", str(cache.folder)])


def test_lists_entries_for_people_and_programs(cache: DatasetCache) -> None:
    shown = run(cache, "list")
    assert shown.exit_code == 0
    assert "encode" in shown.stdout
    assert '{"rows": 3000}' in shown.stdout
    assert "2 entries, 4.6 KB" in shown.stdout
    listed = [json.loads(line) for line in run(cache, "list", "--json").stdout.splitlines()]
    assert {(row["step"], row["key"]["rows"], row["broken"]) for row in listed} == {
        ("encode", 3000, False),
        ("prepare", 1500, False),
    }
    assert all(Path(row["folder"]).is_dir() for row in listed)


def test_prunes_by_size_and_age_and_all(cache: DatasetCache) -> None:
    (old,) = (entry for entry in cache.entries() if entry.step == "encode")
    os.utime(old.folder / CACHE_KEY, (1, 1))
    assert "removed 0 entries, 0 B; 2 entries, 4.6 KB stay" in run(cache, "prune", "--broken").stdout
    assert "removed 1 entry" in run(cache, "prune", "--max-size", "2KB").stdout
    assert [entry.step for entry in cache.entries()] == ["prepare"]
    assert "removed 0 entries" in run(cache, "prune", "--older-than", "1d").stdout
    assert "removed 1 entry" in run(cache, "prune", "--all").stdout
    assert cache.entries() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prune",), "no option selects what to remove"),
        (("prune", "--older-than", "soon"), "'soon' is not an age"),
        (("prune", "--older-than", "-3d"), "'-3d' is not an age"),
        (("prune", "--max-size", "10"), "'10' is not a size"),
    ],
)
def test_sizes_and_ages_that_cannot_be_read_are_refused(
    cache: DatasetCache, arguments: tuple[str, ...], said: str
) -> None:
    refused = run(cache, *arguments)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert len(cache.entries()) == 2


def test_a_missing_cache_is_named(tmp_path: Path) -> None:
    refused = run(DatasetCache(tmp_path / "none"), "list")
    assert refused.exit_code == 2
    assert "does not exist" in refused.stderr
