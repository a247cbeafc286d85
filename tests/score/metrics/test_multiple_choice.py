"""Judging letters, and choosing by likelihood."""

from __future__ import annotations

import pytest

from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.classification import judge_class
from burnish.score.metrics.multiple_choice import (
    LIKELIEST,
    ChoiceLikelihood,
    alike,
    most_likely,
    with_likelihoods,
)
from burnish.score.summaries.answers import measure, row_of
from tests.score.example_rows import choice_task


def test_the_right_letter_is_right() -> None:
    task = choice_task("t", "B")
    assert judge_class(task, Extracted("B")).correct
    assert not judge_class(task, Extracted("A")).correct
    assert not judge_class(task, Extracted(None, "ambiguous")).correct


def test_the_most_likely_choice_as_a_sum_and_per_byte() -> None:
    choices = [ChoiceLikelihood("A", "ox", -4.0), ChoiceLikelihood("B", "hippopotamus", -6.0)]
    assert most_likely(choices, per_byte=False).answer == "A"
    assert most_likely(choices, per_byte=True).answer == "B"
    with pytest.raises(ValueError, match="at least one choice"):
        most_likely([], per_byte=True)


def test_rows_beyond_the_context_have_no_likelihoods_and_leave_their_denominator() -> None:
    asked = [choice_task(name, "A") for name in "pqr"]
    plain = [row_of(task, Extracted("A"), tolerance=0) for task in asked]
    right, wrong = {"A": -1.0, "B": -9.0, "C": -9.0}, {"A": -9.0, "B": -1.0, "C": -9.0}
    rows = [with_likelihoods(asked[0], plain[0], right), with_likelihoods(asked[1], plain[1], wrong), plain[2]]
    found = measure(rows)
    sums = found.columns_NK.sum(axis=0)
    values = {measure.name: float(measure.statistic(sums)) for measure in found.measures}
    assert (values["accuracy"], values["accuracy_likeliest"]) == (1.0, 0.5)
    a, b = alike(rows, [with_likelihoods(task, row, right) for task, row in zip(asked, plain, strict=True)])
    assert [LIKELIEST in row.scores for row in (*a, *b)] == [True, True, False] * 2
