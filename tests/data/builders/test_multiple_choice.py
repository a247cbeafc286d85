"""Choices carry letters whatever the file calls them, and an answer key that names none is a bad row."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from burnish.data.builders.multiple_choice import arc_task, openbookqa_task, piqa_task
from burnish.data.builders.rows import LeftOut
from burnish.data.sources.raw import BadRow
from tests.data.builders.published_rows import ARC_NUMBERED, ARC_ROW, llm_adapters

PIQA_ROW = {"goal": "Open a jar.", "sol1": "Turn the lid.", "sol2": "Turn the table.", "label": 1}


def test_a_question_lists_its_choices_and_is_answered_by_a_boxed_letter() -> None:
    task = arc_task(ARC_ROW, "arc:1")
    assert task.kind == "multiple_choice"
    assert task.prompt[0].role == "system"
    assert "\\boxed{}" in task.prompt[0].content
    assert task.prompt[1].content == "Which is a mammal?\n\nA. a trout\nB. a bat\nC. a wren\nD. a newt"
    assert [choice.label for choice in task.choices] == ["A", "B", "C", "D"]
    assert (task.answers, task.reference) == (("B",), "\\boxed{B}")


def test_numbered_choices_become_letters_and_so_does_the_key() -> None:
    task = arc_task(ARC_NUMBERED, "arc:2")
    assert [choice.label for choice in task.choices] == ["A", "B", "C"]
    assert task.answers == ("B",)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"answerKey": "E"}, "'answerKey' is 'E', but the labels are A, B, C, D"),
        ({"answerKey": "2"}, "'answerKey' is '2'"),
        ({"answerKey": 2}, "'answerKey' is the int 2, not text"),
        ({"choices": {"text": ["x", "y"], "label": ["A", "C"]}}, "the labels are A, C"),
        ({"choices": {"text": ["x", "y"], "label": ["A", "A"]}}, "2 choices with 1 different labels"),
        ({"choices": ["x", "y"]}, "not an object"),
    ],
)
def test_rows_that_cannot_be_asked_say_why(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadRow, match=problem):
        arc_task({**ARC_ROW, **changes}, "arc:1")


def test_the_two_solutions_of_piqa_and_its_hidden_answers() -> None:
    assert piqa_task(PIQA_ROW, "piqa:1").answers == ("B",)
    with pytest.raises(LeftOut, match="not published"):
        piqa_task({**PIQA_ROW, "label": -1}, "piqa:1")
    with pytest.raises(BadRow, match="'label' is True"):
        piqa_task({**PIQA_ROW, "label": True}, "piqa:1")


@pytest.mark.parametrize(
    ("name", "read", "count"),
    [
        ("arc_challenge", arc_task, 586),
        ("arc_easy", arc_task, 1188),
        ("openbookqa", openbookqa_task, 250),
        ("piqa", piqa_task, 919),
    ],
)
def test_public_rows_are_all_usable(name: str, read: Any, count: int) -> None:
    tasks = [read(row, f"{name}:{number}") for number, row in enumerate(llm_adapters(name))]
    assert len(tasks) == count
    answers = Counter(task.answers[0] for task in tasks)
    assert set(answers) <= set("ABCDE")
    assert min(answers["A"], answers["B"]) > count / 6
