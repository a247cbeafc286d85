from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from burnish.report.terminal.verdicts import render_verdicts
from burnish.score.summaries.summary import summarise_verdicts
from tests.report.example_report import verdict


def printed(summary: dict[str, Any]) -> str:
    buffer = io.StringIO()
    render_verdicts(summary, Console(file=buffer, width=80))
    return buffer.getvalue()


def test_rates_reasons_and_the_way_out_of_infra_are_shown() -> None:
    verdicts = [verdict(n, "ok") for n in range(3)] + [verdict(3, "tests_failed"), verdict(4, "infra")]
    summary = {"rejected_rows": 2, **summarise_verdicts(verdicts), "infra_causes": {"build them: do it": 1}}
    summary["crates_not_built"] = {"regex": 2, "rand": 1, "build_them": "build it"}
    lines = printed(summary).splitlines()
    row = next(line for line in lines if line.split()[:1] == ["5"])
    assert row.split() == ["5", "80.0", "60.0", "60.0", "1"]
    assert ["ok", "3", "60.0"] in [line.split() for line in lines]
    assert "1 without a verdict (infra, no fault of the answer): build them: do it" in lines
    assert any("for a crate alone, which no task names: regex (2), rand (1)." in line for line in lines)
    assert "2 rows were not read: rejected.jsonl says why." in lines


def test_one_row_is_one_row() -> None:
    summary = {"rejected_rows": 1, **summarise_verdicts([verdict(0, "ok")]), "infra_causes": {}, "untested": 1}
    assert "1 row has no tests to pass." in printed(summary)
    assert "1 row was not read" in printed(summary)
    assert "3 rows have no tests to pass." in printed(summary | {"untested": 3})


def test_nothing_is_said_of_what_is_not_there() -> None:
    output = printed({"rejected_rows": 0, **summarise_verdicts([verdict(0, "ok")]), "infra_causes": {}})
    assert "infra, no fault" not in output
    assert "rejected" not in output
    assert "compiler error" not in output
