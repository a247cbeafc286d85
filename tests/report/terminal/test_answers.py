"""The tables of answers and of comparisons on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from burnish.report.terminal.answers import render_report
from burnish.report.terminal.table import render_summary
from burnish.score.summaries.comparison import compare_rows
from burnish.score.summaries.summary import MeasuredModel, build_summary
from tests.score.example_rows import classification_task, classified

RIGHTS = ["Yes", "No"] * 10
TASKS = [classification_task(str(n), right) for n, right in enumerate(RIGHTS)]


def test_metrics_baselines_confusion_and_unread_answers_fit_80_columns() -> None:
    rows = classified(RIGHTS, ["Yes"] * 18 + [None] * 2)
    summary = build_summary([MeasuredModel("tuned", rows, tasks=TASKS)])
    buffer = io.StringIO()
    render_summary(summary, Console(file=buffer, width=80))
    lines = [line.split() for line in buffer.getvalue().splitlines()]
    assert next(line for line in lines if line[:1] == ["accuracy"]) == ["accuracy", "45.0", "25.8–65.8", "0.0", "50.0"]
    assert ["Yes", "9", "0", "1"] in lines
    assert ["No", "9", "0", "1"] in lines
    assert "2 without a readable answer: no_answer 2" in buffer.getvalue()
    assert "…" not in buffer.getvalue()


def test_a_comparison_shows_difference_interval_and_counts() -> None:
    report, _ = compare_rows("a", classified(RIGHTS, ["Yes"] * 20), "b", classified(RIGHTS, RIGHTS))
    buffer = io.StringIO()
    render_report(report, Console(file=buffer, width=100))
    line = next(line.split() for line in buffer.getvalue().splitlines() if line.strip().startswith("accuracy"))
    assert line[:5] == ["accuracy", "50.0", "→", "100.0", "+50.0"]
    assert line[-3:] == ["10", "0", "0.002"]  # 10 discordant pairs on one side: 2 / 2^10
    assert "both right 10, both wrong 0" in buffer.getvalue()
