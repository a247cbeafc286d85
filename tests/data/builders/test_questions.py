"""Training rows ask what the tasks ask, and nothing that is asked in the held-out part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.data.builders.mathematics import GSM8K, MATH500, OPEN_MATH
from burnish.data.builders.multiple_choice import ARC
from burnish.data.builders.passages import BOOLQ, SQUAD
from burnish.data.builders.questions import IN_TEST, TWICE, QuestionReader, QuestionSet
from burnish.data.tasks.task_sets import examples_from_tasks
from burnish.errors import DataError
from tests.data.builders import published_rows
from tests.data.builders.published_rows import GSM8K_ROW, write_rows


def numbered(count: int, question: str = "How many are {}?") -> list[dict[str, Any]]:
    return [{**GSM8K_ROW, "question": question.format(number)} for number in range(count)]


def split(path: Path, share: float = 0.0, seed: int = 0, limit: int | None = None) -> tuple[set[str], set[str]]:
    """Questions to train on and to measure on."""
    parts: tuple[set[str], set[str]] = (set(), set())
    for kept, task in QuestionReader(GSM8K, 0).split(path, share=share, seed=seed, limit=limit):
        parts[kept].add(task.prompt[1].content)
    return parts


@pytest.mark.parametrize(
    ("questions", "row"),
    [
        (ARC, published_rows.ARC_ROW),
        (BOOLQ, published_rows.BOOLQ_ROW),
        (SQUAD, published_rows.SQUAD_UNANSWERABLE),
        (GSM8K, published_rows.GSM8K_ROW),
        (OPEN_MATH, published_rows.OPEN_MATH_ROW),
        (MATH500, published_rows.MATH500_ROW),
    ],
)
def test_a_training_row_is_the_tasks_prompt_and_its_boxed_answer(
    tmp_path: Path, questions: QuestionSet, row: dict[str, Any]
) -> None:
    (task,) = QuestionReader(questions, 0).held_out(write_rows(tmp_path / "rows.jsonl", [row]))
    (example,) = examples_from_tasks([task], questions.name)
    assert example.messages[:-1] == task.prompt
    assert [message.role for message in task.prompt] == ["system", "user"]
    assert "\\boxed{}" in task.prompt[0].content
    assert "\\boxed{" in example.messages[-1].content
    assert task.licence == example.licence == questions.licence
    assert task.origin == f"{tmp_path / 'rows.jsonl'}:1"


def test_questions_of_the_test_file_never_become_training_rows(tmp_path: Path) -> None:
    reader = QuestionReader(GSM8K, 0)
    held_out = list(reader.held_out(write_rows(tmp_path / "test.jsonl", numbered(3))))
    rows = [*numbered(5, "how  MANY\nare {}?"), *numbered(2, "What is {}?")]
    train = list(reader.split(write_rows(tmp_path / "train.jsonl", rows), share=0, seed=0, limit=None))
    assert len(held_out) == 3
    assert [task.prompt[1].content for _, task in train] == [
        "how  MANY\nare 3?", "how  MANY\nare 4?", "What is 0?", "What is 1?"
    ]  # fmt: skip
    assert reader.report.left_out == {IN_TEST: 3}


def test_a_share_is_held_out_by_question_so_that_wordings_stay_together(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.jsonl", numbered(400))
    train, kept = split(path, 0.25)
    assert len(train) + len(kept) == 400
    assert 70 < len(kept) < 130
    assert split(path, 0.25) == (train, kept)
    assert split(path, 0.25, seed=1)[1] != kept
    louder = split(write_rows(tmp_path / "b.jsonl", numbered(400, "HOW many are {}?")), 0.25)
    assert {question.lower() for question in louder[1]} == {question.lower() for question in kept}


def test_solutions_of_one_problem_are_rows_each_and_repeats_are_not(tmp_path: Path) -> None:
    other = {**GSM8K_ROW, "answer": "3 times 500.\n#### 1500"}
    reader = QuestionReader(GSM8K, 0)
    path = write_rows(tmp_path / "a.jsonl", [GSM8K_ROW, other, GSM8K_ROW])
    assert len(list(reader.split(path, share=0, seed=0, limit=None))) == 2
    assert reader.report.left_out == {TWICE: 1}
    assert len(list(QuestionReader(GSM8K, 0).split(path, share=1, seed=0, limit=None))) == 1


def test_bad_rows_are_recorded_within_their_budget(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.jsonl", [{**GSM8K_ROW, "question": 5}, GSM8K_ROW])
    reader = QuestionReader(GSM8K, 1)
    assert len(list(reader.held_out(path))) == 1
    assert reader.report.rejected == [{"file": str(path), "place": "1", "reason": "'question' is the int 5, not text"}]
    with pytest.raises(DataError, match=r"a\.jsonl:1: 'question' is the int 5"):
        list(QuestionReader(GSM8K, 0).held_out(path))


def test_a_file_of_another_data_set_names_what_its_rows_have(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.jsonl", [published_rows.BOOLQ_ROW])
    with pytest.raises(DataError, match="the row has no field 'expected_answer'; it has 'question', 'answer'"):
        list(QuestionReader(OPEN_MATH, 0).held_out(path))
    with pytest.raises(DataError, match="has no row of gsm8k"):
        list(QuestionReader(GSM8K, 0).held_out(write_rows(tmp_path / "b.jsonl", [])))


def test_lists_and_parquet_are_read_as_lines_are(tmp_path: Path) -> None:
    rows = numbered(3)
    lines = split(write_rows(tmp_path / "a.jsonl", rows))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    assert split(tmp_path / "a.json") == lines
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert split(tmp_path / "a.parquet") == lines
    assert split(tmp_path / "a.parquet", limit=2)[0] < lines[0]
