from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from burnish.config.data.filters import FilterConfig
from burnish.config.data.training_data import JsonlSource
from burnish.data.filters.base import Filter, Judgement, RustCode
from burnish.data.filters.build import ordered_filters
from burnish.data.filters.filtered_source import Dropped, FilteredSource
from burnish.data.filters.stateless_pool import Examiner
from burnish.data.sources.reading import BadRows
from burnish.errors import DataError
from burnish.records import Example
from tests.data.filters.scripted_judge import ScriptedJudge


class OnceOnly:
    """Keeps a text the first time it is asked about it, as near-duplicates do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def keeps(self, example: Example, code: RustCode) -> bool:
        self.asked.append(code.source)
        return self.asked.count(code.source) == 1

    def detail(self, example: Example, code: RustCode) -> str:
        return "before"


def configs(*filters: Any) -> tuple[FilterConfig, ...]:
    adapter: TypeAdapter[tuple[FilterConfig, ...]] = TypeAdapter(tuple[FilterConfig, ...])
    return adapter.validate_python(filters)


def source(folder: Path, texts: Sequence[str | None], **more: Any) -> JsonlSource:
    """Rows with these texts; None is a broken row."""
    path = folder / "rows.jsonl"
    path.write_text("".join((json.dumps({"text": text}) if text is not None else "{") + "\n" for text in texts))
    return JsonlSource(path=path, name="rows", **more)


def opened(
    where: JsonlSource,
    filters: tuple[FilterConfig, ...],
    ordered: dict[int, Filter],
    dropped: list[Dropped],
    examiner: Examiner | None = None,
) -> FilteredSource:
    return FilteredSource(
        where,
        filters=filters,
        ordered=ordered,
        examiner=examiner or Examiner(filters, 1),
        bad=BadRows(100),
        drop=dropped.append,
    )


SHORT = {"kind": "too_short", "characters": 3}
LONG = {"kind": "too_long", "characters": 5}


def test_a_row_has_the_first_reason_in_the_order_of_the_configuration(tmp_path: Path) -> None:
    dropped: list[Dropped] = []
    rows = source(tmp_path, ["aaaa", "aaaa", "a", "a", None, "aaaaaaa", "bbbb"])
    once = OnceOnly()
    stream = opened(rows, configs(SHORT, "near_duplicate", LONG), {1: once}, dropped)
    assert [(position, row.text) for position, row in stream.rows(0)] == [(1, "aaaa"), (7, "bbbb")]
    reasons = [(row.id.rpartition(":")[2], row.reason, row.detail) for row in dropped]
    assert reasons[0] == ("2", "near_duplicate", "before")
    assert [reason for _, reason, _ in reasons] == ["near_duplicate", "too_short", "too_short", "unusable", "too_long"]
    assert once.asked == ["aaaa", "aaaa", "aaaaaaa", "bbbb"]  # what an earlier filter refuses is never seen
    assert (stream.counts.total, stream.counts.passed) == (7, 2)
    assert sum(stream.counts.reasons.values()) == 5


def test_a_second_reading_yields_the_same_rows_and_counts_nothing(tmp_path: Path) -> None:
    dropped: list[Dropped] = []
    once = OnceOnly()
    stream = opened(source(tmp_path, ["aaa", "aaa", "b", "ccc"]), configs(SHORT, "near_duplicate"), {1: once}, dropped)
    first = list(stream.rows(0))
    assert list(stream.rows(0)) == first
    assert [row.text for _, row in first] == ["aaa", "ccc"]
    assert (stream.counts.total, len(dropped), len(once.asked)) == (4, 2, 3)


def test_rows_that_nobody_pulled_do_not_count(tmp_path: Path) -> None:
    dropped: list[Dropped] = []
    stream = opened(source(tmp_path, ["a", "aaa", "b", "bbb", None]), configs(SHORT), {}, dropped)
    rows = stream.rows(0)
    next(rows)
    assert (stream.counts.total, len(dropped)) == (2, 1)


def test_the_limit_counts_usable_rows_before_filters(tmp_path: Path) -> None:
    stream = opened(source(tmp_path, [None, "a", "aaa", "bbb"], limit=2), configs(SHORT), {}, [])
    assert [row.text for _, row in stream.rows(0)] == ["aaa"]
    assert [row.text for _, row in stream.rows(3)] == []


def test_a_source_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rows has no usable row"):
        list(opened(source(tmp_path, [None]), (), {}, []).rows(0))


def test_a_row_without_a_verdict_is_not_called_broken(tmp_path: Path) -> None:
    dropped: list[Dropped] = []
    judge = ScriptedJudge(bad=Judgement(False, (), "E1"), lost=Judgement(None, (), "no crate"))
    filters = configs(SHORT, "does_not_compile", LONG)
    rows = source(tmp_path, ["good", "bad", "lost", "x", "longer"])
    with ordered_filters(filters, judge, tmp_path) as ordered:
        kept = [row.text for _, row in opened(rows, filters, ordered, dropped).rows(0)]
    assert kept == ["good"]
    assert [(row.reason, row.detail) for row in dropped] == [
        ("does_not_compile", "E1"),
        ("not_judged", "no crate"),
        ("too_short", "1 characters"),
        ("too_long", "6 characters"),
    ]
    assert judge.asked == [["good", "bad", "lost", "longer"]]  # all at once, and what is refused before is not judged


TEXTS = st.lists(st.sampled_from([None, "a", "bbb", "ccc", "dddd", "eeeeee"]), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(TEXTS.filter(any), st.data())
def test_reading_can_stop_and_continue_anywhere(tmp_path: Path, texts: list[str | None], data: st.DataObject) -> None:
    rows = source(tmp_path, texts)
    whole = list(opened(rows, configs(SHORT, "near_duplicate"), {1: OnceOnly()}, []).rows(0))
    dropped: list[Dropped] = []
    stream = opened(rows, configs(SHORT, "near_duplicate"), {1: OnceOnly()}, dropped)
    found: list[tuple[int, Example]] = []
    position: int | None = 0
    while position is not None:
        some = data.draw(st.integers(1, 4))
        taken = list(itertools.islice(stream.rows(position), some))
        found += taken
        position = taken[-1][0] if taken else None
    assert found == whole
    assert stream.counts.total == len(texts)


def test_several_processes_give_the_rows_of_one(tmp_path: Path) -> None:
    texts = [f"{n}" * (n % 7) or None for n in range(700)]
    rows = source(tmp_path, texts)
    found = []
    for workers in (1, 2):
        dropped: list[Dropped] = []
        filters = configs(SHORT, "near_duplicate", LONG)
        with Examiner(filters, workers) as examiner:
            stream = opened(rows, filters, {1: OnceOnly()}, dropped, examiner)
            found.append((list(stream.rows(0)), list(stream.rows(0)), dropped, stream.counts))
    assert found[0] == found[1]
    assert len(found[0][0]) > 50
