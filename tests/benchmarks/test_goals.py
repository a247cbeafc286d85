"""Goals are judged, shown and stored; missing one is no error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.goals import Goal, below, report, table


def test_a_value_below_its_bound_meets_the_goal() -> None:
    assert below("start", 0.4, 0.5, "s") == Goal("start", 0.4, "< 0.5 s", True)
    assert not below("start", 0.5, 0.5, "s").met


def test_table_aligns_and_marks_what_was_missed() -> None:
    lines = table([below("start", 0.4, 0.5, "s"), below("much longer name", 12.0, 1.0)]).splitlines()
    assert lines[1].endswith("yes")
    assert lines[2].endswith("NO")
    assert len({line.index(word) for line, word in zip(lines, ("goal", "< 0.5", "< 1"), strict=True)}) == 1


def test_report_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report([below("start", 0.4, 0.5, "s")], tmp_path / "goals.json")
    assert "start" in capsys.readouterr().out
    stored = json.loads((tmp_path / "goals.json").read_text())
    assert stored == {"goals": [{"name": "start", "value": 0.4, "goal": "< 0.5 s", "met": True}]}
