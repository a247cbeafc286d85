"""SQuAD v2: the answer is a span of the passage, or the passage does not answer.

The prompt says how to answer in that case; ``answers`` is empty then. Questions about one passage are one family, since
they are not independent. SQuAD v1 rows are read too: they all have answers.
"""

from __future__ import annotations

from burnish.data.builders.questions import QuestionSet, boxed, prompt
from burnish.data.builders.rows import Row, mapping_of, text_of, texts_of
from burnish.data.sources.raw import BadRow
from burnish.fsio import digest_bytes
from burnish.records import Task

UNANSWERABLE = "unanswerable"
SYSTEM = (
    "You answer questions about a passage with words of the passage, as few as answer the question. Put them in "
    f"\\boxed{{}}. If the passage does not answer the question, put {UNANSWERABLE} in \\boxed{{}}."
)


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
        prompt=prompt(SYSTEM, f"{context}\n\nQuestion: {question}"),
        context=context,
        answers=answers,
        reference=boxed(answers[0] if answers else UNANSWERABLE),
    )


SQUAD = QuestionSet("squad", "CC-BY-SA-4.0", squad_task)
