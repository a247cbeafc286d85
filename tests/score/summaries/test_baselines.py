"""Trivial models beside the measured one."""

from __future__ import annotations

import pytest

from burnish.records import Task
from burnish.score.summaries.baselines import baselines, trivial_answers
from tests.score.example_rows import choice_task, classification_task, number_task, span_task, text_task


def test_the_majority_baseline_answers_the_largest_class() -> None:
    tasks = [classification_task(str(n), "Yes" if n < 7 else "No") for n in range(10)]
    found = baselines(tasks, tolerance=0)
    assert found["majority"]["accuracy"] == 0.7
    assert found["majority"]["balanced_accuracy"] == 0.5
    assert found["empty"]["accuracy"] == found["empty"]["parse_rate"] == 0.0


def test_choices_have_chance_and_majority_baselines() -> None:
    found = baselines([choice_task("1", "A"), choice_task("2", "A"), choice_task("3", "B")], tolerance=0)
    assert found["majority"]["accuracy"] == pytest.approx(2 / 3)
    assert found["chance"] == {"accuracy": pytest.approx(1 / 3)}


def test_spans_have_unanswerable_and_copying_baselines() -> None:
    tasks = [span_task("1", "the North Sea"), span_task("2"), span_task("3")]
    found = baselines(tasks, tolerance=0)
    assert found["unanswerable"]["exact"] == pytest.approx(2 / 3)
    assert found["unanswerable"]["has_answer_f1"] == 0.0
    assert found["empty"]["exact"] == 0.0
    assert found["copy"]["no_answer_exact"] == 0.0
    assert 0 < found["copy"]["has_answer_f1"] < 1


def test_numbers_have_a_last_number_baseline() -> None:
    found = baselines([number_task("1", "4"), number_task("2", "12")], tolerance=0)
    assert found["copy"]["accuracy"] == 0.5


def test_text_has_trivial_answers_and_rust_has_none() -> None:
    assert set(trivial_answers([text_task("1", "x")])) == {"empty", "majority", "copy"}
    assert baselines([text_task("1", "Simplify")], tolerance=0)["copy"]["accuracy"] == 1.0
    assert trivial_answers([Task(id="r", family="f", prompt=())]) == {}
    assert baselines([], tolerance=0) == {}
