r"""Free text answers: equal once notation that changes nothing is taken out.

Taken out are blanks, ``$``, ``\left``, ``\right``, ``\text{}``, degree signs and a full stop; ``\dfrac`` is ``\frac``;
without LaTeX, case does not count. Two numbers are equal by value (``1/2`` and ``0.5``). Not covered: algebra
(``x + 1`` and ``1 + x`` differ), synonyms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from burnish.records import Task
from burnish.records.evaluation import EvaluatedRow
from burnish.score.metrics.extraction import Extracted
from burnish.score.metrics.measures import CORRECT, PARSED, Judged, Measured, columns, rate
from burnish.score.metrics.numbers import distance, only_number

_UNWRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox)\s*\{([^{}]*)\}")
_DROPPED = re.compile(r"\\left|\\right|\\[!,;: ]|\$|\^\s*\{?\s*\\circ\s*\}?|°|\s+")


def normalise(text: str) -> str:
    """The text without notation that changes nothing."""
    text = _DROPPED.sub("", _UNWRAPPED.sub(r"\1", text)).removesuffix(".")
    text = re.sub(r"\\[dt]frac", r"\\frac", text)
    return text if "\\" in text else text.casefold()


def same_text(right: str, answer: str) -> bool:
    """Whether two answers are the same."""
    if normalise(right) == normalise(answer):
        return True
    expected, said = only_number(right), only_number(answer)
    return expected is not None and said is not None and distance(said, expected) == 0


def judge_text(task: Task, extracted: Extracted) -> Judged:
    """Right when equal to a right answer."""
    answer = extracted.answer
    return Judged(answer is not None and any(same_text(right, answer) for right in task.answers))


def measure_texts(rows: Sequence[EvaluatedRow]) -> Measured:
    """Accuracy and the share of readable answers."""
    table = [[1.0, float(row.extracted is not None), float(bool(row.correct))] for row in rows]
    return Measured(columns(table, 3), (rate("accuracy", CORRECT), rate("parse_rate", PARSED)))
