"""Compare two evaluations row by row: ``comparison.json``, ``disagreements.jsonl`` and a page to read.

Takes folders of ``burnish evaluate``, of judging again, or of a run's evaluate stage. Left out on purpose: evaluating.
"""

from __future__ import annotations

from pathlib import Path

from burnish.errors import DataError
from burnish.fsio import write_atomic, write_json
from burnish.records.evaluation import ComparisonReport
from burnish.records.files import write_records
from burnish.records.layout import COMPARISON, COMPARISON_PAGE, DISAGREEMENTS
from burnish.report.page.comparison import render_comparison
from burnish.score.summaries.comparison import compare_rows
from burnish.workflows.evaluate.rescore import read_evaluated, tasks_beside, tolerance_of
from burnish.workflows.evaluate.written_answers import precision_in


def compare(a: Path, b: Path, out: Path, *, rerun: Path | None = None) -> ComparisonReport:
    """Compare ``b`` with ``a`` on shared rows; write to ``out``, replacing an earlier comparison.

    ``rerun`` is another evaluation of a's model: a difference below that between ``rerun`` and ``a`` is noise. Raises
    DataError when a folder holds no judged rows, the two share no task, or ``rerun`` is ``a`` itself.
    """
    if rerun is not None and rerun.resolve() == a.resolve():
        raise DataError(
            f"{rerun} is compared with itself.", "Evaluate the model again into another folder, and pass that one."
        )
    name_a, name_b = _names(a, b)
    report, disagreements = compare_rows(
        name_a,
        read_evaluated(a),
        name_b,
        read_evaluated(b),
        tasks=tasks_beside(a),
        tolerance=tolerance_of(a),
        rerun=() if rerun is None else read_evaluated(rerun),
    )
    report = report.model_copy(update={"a_computed_in": precision_in(a), "b_computed_in": precision_in(b)})
    write_json(out / COMPARISON, report.model_dump(mode="json"))
    write_records(out / DISAGREEMENTS, disagreements)
    write_atomic(out / COMPARISON_PAGE, render_comparison(report, disagreements))
    return report


def _names(a: Path, b: Path) -> tuple[str, str]:
    """Return short names of two folders, longer ones if the short ones are equal."""
    parts_a, parts_b = a.resolve().parts, b.resolve().parts
    for length in range(1, max(len(parts_a), len(parts_b)) + 1):
        names = "/".join(parts_a[-length:]), "/".join(parts_b[-length:])
        if names[0] != names[1]:
            return names
    return str(a), str(b)
