"""Yes-or-no questions are asked with their passage and answered by true or false."""

from __future__ import annotations

import pytest

from burnish.data.builders.passages import boolq_task
from burnish.data.sources.raw import BadRow
from tests.data.builders.published_rows import BOOLQ_ROW, llm_adapters


def test_the_passage_comes_before_the_question() -> None:
    task = boolq_task(BOOLQ_ROW, "boolq:1")
    assert task.prompt[1].content == "Ice floats on water.\n\nQuestion: is ice less dense than water"
    assert (task.labels, task.answers, task.reference) == (("true", "false"), ("true",), "\\boxed{true}")
    assert boolq_task({**BOOLQ_ROW, "answer": False}, "boolq:1").answers == ("false",)


@pytest.mark.parametrize(
    ("answer", "label"), [("false", "false"), ("True", "true"), (" yes ", "true"), ("NO", "false")]
)
def test_an_answer_as_text_is_read(answer: str, label: str) -> None:
    assert boolq_task({**BOOLQ_ROW, "answer": answer}, "boolq:1").answers == (label,)


@pytest.mark.parametrize("answer", ["maybe", "", "0", 1, 1.0, None, [True]])
def test_an_answer_that_is_not_a_boolean_is_a_bad_row(answer: object) -> None:
    with pytest.raises(BadRow, match="write true or false"):
        boolq_task({**BOOLQ_ROW, "answer": answer}, "boolq:1")


def test_public_rows_without_a_passage_are_asked_without_one() -> None:
    tasks = [boolq_task(row, "boolq") for row in llm_adapters("boolq_noctx")]
    assert len(tasks) == 1635
    assert sum(task.answers == ("true",) for task in tasks) == 1012
    assert all(task.context is None for task in tasks)
