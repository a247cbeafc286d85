"""Equality of free text."""

from __future__ import annotations

import pytest

from burnish.score.answer_text.notation import same_text


@pytest.mark.parametrize(
    ("right", "answer"),
    [
        (r"\frac{1}{2}", r"\dfrac{1}{2}"),
        (r"\left(3, \frac{\pi}{2}\right)", r"(3,\frac{\pi}{2})"),
        (r"\text{Evelyn}", "evelyn"),
        ("x^2 + 1", "x^2+1."),
        ("0.5", "1/2"),
        (r"90^\circ", "90"),
        ("$x$", "x"),
    ],
)
def test_equivalent_notation_is_equal(right: str, answer: str) -> None:
    assert same_text(right, answer)


@pytest.mark.parametrize(("right", "answer"), [("x+1", "1+x"), (r"\Delta", r"\delta"), ("Rhine", "Ruhr"), ("5", "")])
def test_different_text_is_unequal(right: str, answer: str) -> None:
    assert not same_text(right, answer)
