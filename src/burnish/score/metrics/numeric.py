"""Judge numeric answers: equal to the right number, near enough, and readable at all.

The headline is the share of rows near enough; an unread answer is wrong. There is no mean distance: over the readable
rows alone it would favour models that answer little. Not covered:
relative tolerances, numbers with units that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from burnish.records import Task
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.numbers import distance, only_number
from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.measures import CORRECT, PARSED, Judged, Measured, columns, rate

EXACT = "exact"


def judge_number(task: Task, extracted: Extracted, tolerance: float) -> Judged:
    """Judge a number: right within ``tolerance`` of a right number, ``exact`` when equal. Raises ValueError for a task
    whose right answer is not a number."""
    rights = [only_number(answer) for answer in task.answers]
    if not rights or None in rights:
        raise ValueError(f"the right answer of the numeric task {task.id!r} is not a number: {task.answers}")
    answer = None if extracted.answer is None else only_number(extracted.answer)
    if answer is None:
        return Judged(False, {EXACT: 0.0})
    nearest = min(distance(answer, right) for right in rights if right is not None)
    return Judged(nearest <= Fraction(str(tolerance)), {EXACT: float(nearest == 0)})


def measure_numbers(rows: Sequence[EvaluatedRow]) -> Measured:
    """Compute accuracy within the tolerance, exact accuracy, and the share of readable answers."""
    table = [[1.0, float(row.extracted is not None), float(bool(row.correct)), row.scores[EXACT]] for row in rows]
    return Measured(columns(table, 4), (rate("accuracy", CORRECT), rate(EXACT, 3), rate("parse_rate", PARSED)))
