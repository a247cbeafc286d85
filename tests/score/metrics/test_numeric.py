"""Numeric answers: tolerance, exactness, and answers that cannot be read."""

from __future__ import annotations

import pytest

from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.numeric import judge_number
from burnish.score.summaries.answers import measure, row_of
from tests.score.example_rows import number_task


@pytest.mark.parametrize(
    ("answer", "correct", "exact"),
    [("0.5", True, 1.0), ("1/2", True, 1.0), ("50%", True, 1.0), ("0.50005", True, 0.0), ("0.5002", False, 0.0)],
)
def test_numbers_within_the_tolerance_are_right(answer: str, correct: bool, exact: float) -> None:
    judged = judge_number(number_task("t", "0.5"), Extracted(answer), 1e-4)
    assert (judged.correct, judged.scores["exact"]) == (correct, exact)


def test_the_tolerance_is_part_of_what_is_allowed_and_zero_means_equal() -> None:
    task = number_task("t", "10")
    assert judge_number(task, Extracted("10.1"), 0.1).correct
    assert not judge_number(task, Extracted("10.11"), 0.1).correct
    assert not judge_number(task, Extracted("10.0001"), 0).correct


def test_a_model_that_is_never_readable_scores_zero_and_breaks_nothing() -> None:
    rows = [row_of(number_task(str(n), "7"), Extracted(None, "no_answer"), tolerance=0) for n in range(3)]
    found = measure(rows)
    sums = found.columns_NK.sum(axis=0)
    assert {measure.name: float(measure.statistic(sums)) for measure in found.measures} == {
        "accuracy": 0,
        "exact": 0,
        "parse_rate": 0,
    }


def test_a_task_whose_answer_is_no_number_is_a_fault() -> None:
    with pytest.raises(ValueError, match="not a number"):
        judge_number(number_task("t", "many"), Extracted("3"), 0)
