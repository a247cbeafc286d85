"""Answers are words of the passage, or there is none and the prompt says what to answer then."""

from __future__ import annotations

import json

import pytest

from burnish.data.builders.passages import UNANSWERABLE, squad_task
from burnish.data.sources.raw import BadRow
from tests.data.builders.published_rows import SQUAD_ROW, SQUAD_UNANSWERABLE, public


def test_every_distinct_answer_counts_and_the_first_is_trained_on() -> None:
    task = squad_task(SQUAD_ROW, "squad:1")
    assert task.answers == ("0", "0 degrees")
    assert task.reference == "\\boxed{0}"
    assert task.prompt[1].content == "Ice melts at 0 degrees.\n\nQuestion: At how many degrees does ice melt?"


def test_an_unanswerable_question_has_no_answers_and_a_prompt_that_allows_for_it() -> None:
    task = squad_task(SQUAD_UNANSWERABLE, "squad:2")
    assert task.answers == ()
    assert task.reference == f"\\boxed{{{UNANSWERABLE}}}"
    assert UNANSWERABLE in task.prompt[0].content
    assert task.prompt[0] == squad_task(SQUAD_ROW, "squad:1").prompt[0], "the prompt must not tell which kind it is"
    assert task.family == squad_task(SQUAD_ROW, "squad:1").family


def test_an_answer_from_elsewhere_is_a_bad_row() -> None:
    with pytest.raises(BadRow, match="'steam' is not in the passage"):
        squad_task({**SQUAD_ROW, "answers": {"text": ["steam"]}}, "squad:1")


def test_public_rows_are_all_usable() -> None:
    rows = [json.loads(line) for line in public("xquad_squad/xquad_en.jsonl").read_text().splitlines()]
    tasks = [squad_task(row | {"answers": {"text": row["answers"]}}, row["id"]) for row in rows]
    assert len(tasks) == 1190
    assert len({task.family for task in tasks}) == 240
