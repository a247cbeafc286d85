r"""Compare free text answers after removing notation that changes nothing (`answer_text.notation`).

Not covered: algebra (``x + 1`` and ``1 + x`` differ), synonyms.
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.records import Task
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.notation import same_text
from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.measures import CORRECT, PARSED, Judged, Measured, columns, rate


def judge_text(task: Task, extracted: Extracted) -> Judged:
    """Judge a text: right when equal to a right answer."""
    answer = extracted.answer
    return Judged(answer is not None and any(same_text(right, answer) for right in task.answers))


def measure_texts(rows: Sequence[EvaluatedRow]) -> Measured:
    """Compute accuracy and the share of readable answers."""
    table = [[1.0, float(row.extracted is not None), float(bool(row.correct))] for row in rows]
    return Measured(columns(table, 3), (rate("accuracy", CORRECT), rate("parse_rate", PARSED)))
