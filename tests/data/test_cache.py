"""The cache rebuilds when any key changes, reuses when none does, and never shows half an entry."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.data.cache import DATA, PARTIAL, DatasetCache, step_version
from burnish.errors import ConfigError
from burnish.records.layout import CACHE_KEY

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.dictionaries(st.sampled_from(["data", "template", "tokenizer", "masking", "packing", "code"]), VALUES)


class Step:
    """Writes its text and counts how often."""

    def __init__(self, text: str = "rows") -> None:
        self.text = text
        self.runs = 0

    def __call__(self, folder: Path) -> None:
        self.runs += 1
        (folder / "rows.jsonl").write_text(self.text)


@settings(max_examples=60, deadline=None)
@given(key=KEYS, other=VALUES, name=st.sampled_from(["data", "template", "tokenizer", "masking", "packing", "code"]))
def test_any_one_key_changed_rebuilds_and_none_reuses(
    tmp_path_factory: pytest.TempPathFactory, key: dict[str, Any], other: Any, name: str
) -> None:
    cache = DatasetCache(tmp_path_factory.mktemp("cache"))
    step = Step()
    first = cache.build("encode", key, step)
    assert cache.build("encode", dict(reversed(key.items())), step) == first
    assert step.runs == 1
    changed = {**key, name: other}
    same = json.dumps(changed, sort_keys=True) == json.dumps(key, sort_keys=True)
    assert (cache.build("encode", changed, step) == first) == same
    assert step.runs == (1 if same else 2)
    assert cache.build("pack", key, step) != first


def test_the_key_lies_readable_beside_the_data(tmp_path: Path) -> None:
    key: dict[str, Any] = {"template": "abc", "rows": [1, 2]}
    data = DatasetCache(tmp_path).build("encode", key, Step("x"))
    assert (data / "rows.jsonl").read_text() == "x"
    assert json.loads((data.parent / CACHE_KEY).read_text()) == {"step": "encode", "key": key}


def test_a_step_that_fails_leaves_no_entry(tmp_path: Path) -> None:
    cache = DatasetCache(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "rows.jsonl").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.build("encode", {}, fail)
    assert cache.entries() == []
    assert (cache.build("encode", {}, Step("whole")) / "rows.jsonl").read_text() == "whole"


def _die_while_writing(folder: Path) -> None:
    def write(data: Path) -> None:
        (data / "rows.jsonl").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)

    DatasetCache(folder).build("encode", {}, write)


def test_a_killed_process_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_die_while_writing, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    cache = DatasetCache(tmp_path)
    assert [entry.broken for entry in cache.entries()] == [True]
    step = Step("whole")
    assert (cache.build("encode", {}, step) / "rows.jsonl").read_text() == "whole"
    assert [entry.broken for entry in cache.entries()] == [False]
    assert not list(tmp_path.rglob(f"*{PARTIAL}"))


def _build_and_log(folder: Path, log: Path) -> None:
    def write(data: Path) -> None:
        with log.open("a") as file:
            file.write("built\n")
        (data / "rows.jsonl").write_text("rows")

    DatasetCache(folder).build("encode", {}, write)


def test_parallel_processes_build_an_entry_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    many = [context.Process(target=_build_and_log, args=(tmp_path / "cache", tmp_path / "log")) for _ in range(6)]
    for process in many:
        process.start()
    for process in many:
        process.join()
    assert [process.exitcode for process in many] == [0] * 6
    assert (tmp_path / "log").read_text() == "built\n"


def test_what_is_being_written_is_neither_listed_nor_pruned(tmp_path: Path) -> None:
    cache = DatasetCache(tmp_path)

    def look(folder: Path) -> None:
        (folder / "rows.jsonl").write_text("rows")
        assert DatasetCache(tmp_path).entries() == []
        assert DatasetCache(tmp_path).prune(everything=True) == []

    assert (cache.build("encode", {}, look) / "rows.jsonl").is_file()


@pytest.mark.parametrize("damage", ["key gone", "key torn", "data gone"])
def test_a_damaged_entry_is_broken(tmp_path: Path, damage: str) -> None:
    cache = DatasetCache(tmp_path)
    entry = cache.build("encode", {"a": 1}, Step()).parent
    match damage:
        case "key gone":
            (entry / CACHE_KEY).unlink()
        case "key torn":
            (entry / CACHE_KEY).write_text('{"step": "enc')
        case "data gone":
            (entry / DATA / "rows.jsonl").unlink()
            (entry / DATA).rmdir()
    assert [entry.broken for entry in cache.entries()] == [True]
    assert [one.digest for one in cache.prune(broken=True)] == [entry.name]
    assert cache.entries() == []


def aged(cache: DatasetCache, ages: dict[str, int]) -> dict[str, Path]:
    """Entries of a kilobyte and more, last used so many seconds after the epoch."""
    folders = {name: cache.build(name, {}, Step("x" * 1000)).parent for name in ages}
    for name, moment in ages.items():
        os.utime(folders[name] / CACHE_KEY, (moment, moment))
    return folders


def test_pruning_by_age_size_and_all(tmp_path: Path) -> None:
    cache = DatasetCache(tmp_path)
    aged(cache, {"a": 100, "b": 200, "c": 300, "d": 400})
    assert [entry.step for entry in cache.entries()] == ["d", "c", "b", "a"]
    assert all(1000 < entry.bytes < 1200 for entry in cache.entries())
    assert [entry.step for entry in cache.prune(unused_s=250, now=400)] == ["a"]
    assert [entry.step for entry in cache.prune(most_bytes=2500)] == ["b"]
    assert cache.prune(broken=True) == []
    assert [entry.step for entry in cache.prune(everything=True)] == ["d", "c"]
    assert cache.entries() == []


def test_reuse_counts_as_use(tmp_path: Path) -> None:
    cache = DatasetCache(tmp_path)
    aged(cache, {"a": 100, "b": 200})
    cache.build("a", {}, Step())
    assert [entry.step for entry in cache.entries()] == ["a", "b"]


def test_a_cache_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ConfigError, match="is a file"):
        DatasetCache(tmp_path / "cache").build("encode", {}, Step())


def test_a_step_has_another_version_when_code_that_it_imports_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from burnish.data import cache
    from burnish.data.overlap import shingles
    from burnish.syntax import normalise, source

    assert step_version(normalise) == step_version(normalise) != step_version(shingles)
    assert step_version(normalise, shingles) == step_version(shingles, normalise)
    before = step_version(normalise)
    copy = tmp_path / "source.py"
    copy.write_text(Path(str(source.__file__)).read_text() + "# changed\n")
    spec = importlib.util.spec_from_file_location("burnish.syntax.source", copy)
    assert spec is not None
    monkeypatch.setattr(sys.modules["burnish.syntax.source"], "__spec__", spec)
    assert step_version(normalise) != before
    assert step_version(cache) == step_version(cache)
