"""BoolQ and SQuAD v2: questions about a passage.

BoolQ is answered by true or false; true is the positive class. Rows without a passage (some copies have none) are asked
without one.

SQuAD's answer is a span of the passage, or the passage does not answer: the prompt says how to answer in that case, and
``answers`` is empty then. Questions about one passage are one family, since they are not independent. SQuAD v1 rows are
read too: they all have answers.
"""

from __future__ import annotations

import json

from burnish.data.builders.questions import QuestionSet, boxed, prompt
from burnish.data.builders.rows import Row, mapping_of, text_of, texts_of
from burnish.data.sources.raw import BadRow
from burnish.fsio import digest_bytes
from burnish.records import Task

LABELS = ("true", "false")
YES_OR_NO = "You answer yes-or-no questions. Put true for yes or false for no, and nothing else, in \\boxed{}."
UNANSWERABLE = "unanswerable"
IN_WORDS = (
    "You answer questions about a passage with words of the passage, as few as answer the question. Put them in "
    f"\\boxed{{}}. If the passage does not answer the question, put {UNANSWERABLE} in \\boxed{{}}."
)


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
        prompt=prompt(YES_OR_NO, question if passage is None else f"{passage}\n\nQuestion: {question}"),
        context=passage,
        labels=LABELS,
        answers=(label,),
        reference=boxed(label),
    )


def _said(answer: object) -> bool | None:
    if isinstance(answer, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(answer.strip().lower())
    return answer if isinstance(answer, bool) else None


def squad_task(row: Row, task_id: str) -> Task:
    """Build a task from a row of SQuAD: ``question``, ``context``, and ``answers`` with a list ``text`` (empty:
    unanswerable)."""
    context, question = text_of(row, "context"), text_of(row, "question").strip()
    answers = tuple(dict.fromkeys(texts_of(mapping_of(row, "answers"), "text")))
    for answer in answers:
        if answer not in context:
            raise BadRow(f"the answer {answer[:40]!r} is not in the passage")
    return Task(
        id=task_id,
        kind="extractive_qa",
        family=f"squad:{digest_bytes(context.encode())[:12]}",
        prompt=prompt(IN_WORDS, f"{context}\n\nQuestion: {question}"),
        context=context,
        answers=answers,
        reference=boxed(answers[0] if answers else UNANSWERABLE),
    )


BOOLQ = QuestionSet("boolq", "CC-BY-SA-3.0", boolq_task)
SQUAD = QuestionSet("squad", "CC-BY-SA-4.0", squad_task)
