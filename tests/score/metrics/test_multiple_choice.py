"""Judging letters, and choosing by likelihood."""

from __future__ import annotations

import pytest

from burnish.score.metrics.extraction import Extracted
from burnish.score.metrics.multiple_choice import ChoiceLikelihood, judge_choice, most_likely
from tests.score.example_rows import choice_task


def test_the_right_letter_is_right() -> None:
    task = choice_task("t", "B")
    assert judge_choice(task, Extracted("B")).correct
    assert not judge_choice(task, Extracted("A")).correct
    assert not judge_choice(task, Extracted(None, "ambiguous")).correct


def test_the_most_likely_choice_as_a_sum_and_per_byte() -> None:
    choices = [ChoiceLikelihood("A", "ox", -4.0), ChoiceLikelihood("B", "hippopotamus", -6.0)]
    assert most_likely(choices, per_byte=False).answer == "A"
    assert most_likely(choices, per_byte=True).answer == "B"
    with pytest.raises(ValueError, match="at least one choice"):
        most_likely([], per_byte=True)
