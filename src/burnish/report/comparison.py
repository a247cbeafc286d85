"""One self-contained page that compares two models: the table, then improvements, regressions, and both wrong.

Everything is escaped by the template engine; the page has no script and needs no network. Not covered: curves, code
with diagnostics inline (`report.html`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from burnish import __version__
from burnish.evaluated import ComparisonReport, Disagreement
from burnish.report import answers, text

FOLDER = Path(__file__).parent
MOST_ROWS = 200
"""Rows per section; the others are counted, and stand in ``disagreements.jsonl``."""
SECTIONS = (
    ("improvement", "Improvements", "right in {b} alone"),
    ("regression", "Regressions", "right in {a} alone"),
    ("both_wrong", "Both wrong", "wrong in {a} and in {b}"),
)


def render_comparison(report: ComparisonReport, disagreements: Sequence[Disagreement]) -> str:
    """The page as text; the same data gives the same page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = []
    for outcome, title, note in SECTIONS:
        rows = [one for one in disagreements if one.outcome == outcome]
        sections.append((outcome, title, note.format(a=report.a, b=report.b), rows[:MOST_ROWS], len(rows)))
    return environment.get_template("comparison.html.j2").render(
        report=report,
        sections=sections,
        answers=answers,
        text=text,
        style=Markup((FOLDER / "page.css").read_text()),
        version=__version__,
    )
