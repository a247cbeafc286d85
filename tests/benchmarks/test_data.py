"""The benchmark of preparing data runs whole on a few rows; how fast it is, is for the benchmark to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.data import main
from benchmarks.data_rows import draw_conversations, draw_sources, draw_variations
from benchmarks.regex_filters import RegexFilters

from burnish.syntax.source import parse


def test_measures_every_way_and_judges_the_goals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rows", "40", "--stream-rows", "5", "--json", str(tmp_path / "goals.json")])
    goals = {goal["name"]: goal for goal in json.loads((tmp_path / "goals.json").read_text())["goals"]}
    assert {"filter_speed_vs_regex", "prepare_speed_vs_datasets_map", "stream_memory_200k_vs_20k"} <= set(goals)
    assert all(goal["value"] > 0 for goal in goals.values())
    shown = capsys.readouterr().out
    assert "filters, regex" in shown
    assert "datasets.map in batches" in shown


def test_rows_are_equal_for_equal_seeds_parse_and_differ() -> None:
    rows = list(draw_sources(50))
    assert rows == list(draw_sources(50)) != list(draw_sources(50, seed=1))
    assert not any(parse(row.content).has_error for row in rows)
    assert len({row.content for row in rows}) == 50
    assert list(draw_conversations(5)) == list(draw_conversations(5))
    assert len({row.content for row in draw_variations(300)}) == 300


@pytest.mark.parametrize(
    ("content", "path", "reason"),
    [
        ("", "a/vendor/b.rs", "vendor_path"),
        ("", "a/tests/b.rs", "test_file"),
        ("let url = #self", "a.rs", "test_file"),
        ("", "a/examples/b.rs", "example_file"),
        ("fn f() {}", "a.rs", "too_short"),
        ("fn f() {} " * 20, "a.rs", "not_idiomatic"),
        ("pub fn f() {} " * 20, "a.rs", "no_documentation"),
        ("/// Doc\npub fn f() {} " * 20, "a.rs", "passed"),
    ],
)
def test_the_baseline_has_the_rules_of_its_program(content: str, path: str, reason: str) -> None:
    judged = RegexFilters()
    assert judged.keeps(content, path) == (reason == "passed")
    assert judged.reasons == {reason: 1}
