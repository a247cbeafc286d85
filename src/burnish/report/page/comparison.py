"""Render one self-contained page that compares two models: table, improvements, regressions, both wrong.

Everything is escaped by the template engine; the page has no script and needs no network. Not covered: curves, code
with diagnostics inline (`report.page.html`).
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.records.evaluation import ComparisonReport, Disagreement
from burnish.report.page.template import render_page
from burnish.report.terminal import answers

MOST_ROWS = 200
"""Rows per section; the page counts the others, which are in ``disagreements.jsonl``."""
SECTIONS = (
    ("improvement", "Improvements", "right only in {b}"),
    ("regression", "Regressions", "right only in {a}"),
    ("both_wrong", "Both wrong", "wrong in {a} and in {b}"),
)


def render_comparison(report: ComparisonReport, disagreements: Sequence[Disagreement]) -> str:
    """Return the page as text; the same data gives the same page."""
    sections = []
    for outcome, title, note in SECTIONS:
        rows = [row for row in disagreements if row.outcome == outcome]
        sections.append((outcome, title, note.format(a=report.a, b=report.b), rows[:MOST_ROWS], len(rows)))
    return render_page("comparison.html.j2", report=report, sections=sections, answers=answers)
