"""The page that compares two models."""

from __future__ import annotations

from burnish.report.page.comparison import MOST_ROWS, render_comparison
from burnish.score.summaries.comparison import compare_rows
from tests.score.example_rows import classified

RIGHTS = ["Yes", "No"] * 150


def test_sections_list_their_rows_and_long_ones_give_the_count() -> None:
    a = classified(RIGHTS, ["Yes", None] * 150)
    report, disagreements = compare_rows("base", a, "tuned", classified(RIGHTS, [*[None] * 80, *RIGHTS[80:]]))
    page = render_comparison(report, disagreements)
    assert f"Improvements ({report.kinds[0].wins})" in page
    assert f"Regressions ({report.kinds[0].losses})" in page
    assert f"Both wrong ({report.kinds[0].neither})" in page
    assert page.count("<details") == len(disagreements)
    assert page == render_comparison(report, disagreements)
    many = render_comparison(report, disagreements * 5)
    assert f"The first {MOST_ROWS} are shown" in many
    assert many.count("<details") < 5 * len(disagreements)


def test_answers_of_models_are_escaped() -> None:
    a, b = classified(["Yes"], [None]), classified(["Yes"], ["Yes"])
    a[0] = a[0].model_copy(update={"text": "<img src=x onerror=alert(1)>"})
    report, disagreements = compare_rows("<b>base</b>", a, "tuned", b)
    page = render_comparison(report, disagreements)
    assert "<img" not in page
    assert "<b>base</b> against" not in page
    assert "script-src" not in page
    assert "default-src 'none'" in page
