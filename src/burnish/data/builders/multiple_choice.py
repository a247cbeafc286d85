"""ARC, OpenBookQA and PIQA as multiple-choice tasks with the letters A, B, C and so on.

Some ARC rows number their choices 1 to 4: they become A to D, and the answer key with them. A key that names no choice
is a bad row. PIQA's hidden answers (label -1) are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.data.builders.questions import QuestionSet, boxed, prompt
from burnish.data.builders.rows import LeftOut, Row, mapping_of, text_of, texts_of
from burnish.data.sources.raw import BadRow
from burnish.records import Choice, Task

LETTERS = "ABCDEFGH"
SYSTEM = (
    "You answer multiple-choice questions. Exactly one choice is right. Put its letter, and nothing else, in \\boxed{}."
)


def arc_task(row: Row, task_id: str) -> Task:
    """Build a task from a row of ARC: ``question``, ``choices`` with ``text`` and ``label``, ``answerKey``."""
    return _labelled(row, "question", task_id)


def openbookqa_task(row: Row, task_id: str) -> Task:
    """Build a task from a row of OpenBookQA: as ARC, with ``question_stem``."""
    return _labelled(row, "question_stem", task_id)


def piqa_task(row: Row, task_id: str) -> Task:
    """Build a task from a row of PIQA: ``goal``, ``sol1``, ``sol2``, and ``label`` 0 or 1."""
    label = row.get("label")
    if label == -1:
        raise LeftOut("the answer is not published")
    if isinstance(label, bool) or label not in (0, 1):
        raise BadRow(f"'label' is {label!r}, not 0 or 1")
    return _task(task_id, text_of(row, "goal"), (text_of(row, "sol1"), text_of(row, "sol2")), int(label))


def _labelled(row: Row, question: str, task_id: str) -> Task:
    choices = mapping_of(row, "choices")
    texts, labels = texts_of(choices, "text"), texts_of(choices, "label")
    if len(texts) != len(labels) or not 2 <= len(texts) <= len(LETTERS) or len(set(labels)) != len(labels):
        raise BadRow(f"{len(texts)} choices with {len(set(labels))} different labels")
    numbers = tuple(str(number) for number in range(1, len(labels) + 1))
    if labels not in (numbers, tuple(LETTERS[: len(labels)])):
        raise BadRow(f"the labels are {', '.join(labels)}, neither A, B, C nor 1, 2, 3 in order")
    key = text_of(row, "answerKey")
    if key not in labels:
        raise BadRow(f"'answerKey' is {key!r}, but the labels are {', '.join(labels)}")
    return _task(task_id, text_of(row, question), texts, labels.index(key))


def _task(task_id: str, question: str, texts: Sequence[str], right: int) -> Task:
    choices = tuple(Choice(label=letter, text=text) for letter, text in zip(LETTERS, texts, strict=False))
    listed = "\n".join(f"{choice.label}. {choice.text}" for choice in choices)
    return Task(
        id=task_id,
        kind="multiple_choice",
        family=task_id,
        prompt=prompt(SYSTEM, f"{question}\n\n{listed}"),
        choices=choices,
        answers=(choices[right].label,),
        reference=boxed(choices[right].label),
    )


ARC = QuestionSet("arc", "CC-BY-SA-4.0", arc_task)
OPENBOOKQA = QuestionSet("openbookqa", "Apache-2.0", openbookqa_task)
PIQA = QuestionSet("piqa", "AFL-3.0", piqa_task)
