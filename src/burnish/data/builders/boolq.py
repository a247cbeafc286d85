"""BoolQ: a question about a passage, answered by true or false; true is the positive class.

Rows without a passage (some copies have none) are asked without one.
"""

from __future__ import annotations

import json

from burnish.data.builders.questions import QuestionSet, boxed, prompt
from burnish.data.builders.rows import Row, text_of
from burnish.data.sources.raw import BadRow
from burnish.records import Task

LABELS = ("true", "false")
SYSTEM = "You answer yes-or-no questions. Put true for yes or false for no, and nothing else, in \\boxed{}."


def boolq_task(row: Row, task_id: str) -> Task:
    """Build a task from a row of BoolQ: ``question``, ``passage``, and ``answer``, true or false as JSON or as text."""
    answer = _said(row.get("answer"))
    if answer is None:
        raise BadRow(f"'answer' is {json.dumps(row.get('answer'))[:60]}; write true or false")
    question = text_of(row, "question")
    passage = text_of(row, "passage") if "passage" in row else None
    label = LABELS[0] if answer else LABELS[1]
    return Task(
        id=task_id,
        kind="classification",
        family=task_id,
        prompt=prompt(SYSTEM, question if passage is None else f"{passage}\n\nQuestion: {question}"),
        context=passage,
        labels=LABELS,
        answers=(label,),
        reference=boxed(label),
    )


def _said(answer: object) -> bool | None:
    if isinstance(answer, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(answer.strip().lower())
    return answer if isinstance(answer, bool) else None


BOOLQ = QuestionSet("boolq", "CC-BY-SA-3.0", boolq_task)
