"""Tasks and rows of every kind for tests of metrics."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.records import Choice, Message, Task
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.visible import Extracted
from burnish.score.summaries.answers import row_of

YES_NO = ("Yes", "No")


def asked(text: str) -> tuple[Message, ...]:
    return (Message(role="user", content=text),)


def classification_task(name: str, right: str, *, labels: Sequence[str] = YES_NO, family: str = "") -> Task:
    return Task(
        id=name,
        kind="classification",
        family=family or name,
        prompt=asked("Yes or no?"),
        labels=tuple(labels),
        answers=(right,),
    )


def choice_task(name: str, right: str) -> Task:
    texts = {"A": "a dog", "B": "a cat", "C": "a cow"}
    choices = tuple(Choice(label=label, text=text) for label, text in texts.items())
    return Task(id=name, kind="multiple_choice", family=name, prompt=asked("Which?"), choices=choices, answers=(right,))


def span_task(name: str, *answers: str) -> Task:
    passage = "The Rhine flows to the North Sea."
    return Task(id=name, kind="extractive_qa", family="rhine", prompt=asked("Where?"), context=passage, answers=answers)


def number_task(name: str, right: str) -> Task:
    return Task(id=name, kind="numeric", family=name, prompt=asked("A hen lays 3 eggs, and 4 hens?"), answers=(right,))


def text_task(name: str, right: str) -> Task:
    return Task(id=name, kind="text", family=name, prompt=asked("Simplify."), answers=(right,))


def classified(
    rights: Sequence[str],
    answers: Sequence[str | None],
    *,
    labels: Sequence[str] = YES_NO,
    families: Sequence[str] | None = None,
) -> list[EvaluatedRow]:
    """Rows of a classification; None is an answer that could not be read."""
    return [
        row_of(
            classification_task(str(place), right, labels=labels, family=families[place] if families else ""),
            Extracted(answer) if answer is not None else Extracted(None, "no_answer"),
            tolerance=0,
        )
        for place, (right, answer) in enumerate(zip(rights, answers, strict=True))
    ]
