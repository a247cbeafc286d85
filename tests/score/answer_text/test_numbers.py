"""Numbers as models write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.score.answer_text.numbers import Number, distance, first_number, last_number, only_number, written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,000", "1000"),
        ("1,234,567.5", "1234567.5"),
        ("-3", "-3"),
        ("−3", "-3"),
        ("+5", "5"),
        ("$18", "18"),
        ("-$5", "-5"),
        (r"\$70{,}000", "70000"),
        (r"1\,000", "1000"),
        ("18 eggs", "18"),
        (r"12\text{ cm}^2", "12"),
        ("12 cm^2", "12"),
        ("5 m/s", "5"),
        (r"90^\circ", "90"),
        ("1/2", "1/2"),
        ("1 1/2", "3/2"),
        (r"\frac{1}{2}", "1/2"),
        (r"\dfrac12", "1/2"),
        (r"-\frac{3}{4}", "-3/4"),
        (r"\frac{-1}{2}", "-1/2"),
        (r"2\frac{1}{2}", "5/2"),
        (".5", "1/2"),
        ("3.", "3"),
        ("1e5", "100000"),
        (r"1.5 \times 10^{3}", "1500"),
        ("x = 5", "5"),
        (r"3 \cdot 6 = 18", "18"),
        ("2 million", "2000000"),
        ("**42**", "42"),
    ],
)
def test_one_number_in_any_notation(text: str, value: str) -> None:
    assert only_number(text) == Number(Fraction(value))


@pytest.mark.parametrize(
    "text",
    ["", "eighteen", "5 + 3", "3 and 5", "3-5", "10:30", r"2\pi", r"\sqrt{2}", "2x", "7th", "1/0", "1,00", "9" * 500],
)
def test_text_that_is_not_one_number_is_none(text: str) -> None:
    assert only_number(text) is None


def test_per_cent_is_kept_apart_and_near_both_ways_of_writing_it() -> None:
    half = only_number("50%")
    assert half == only_number(r"50\%") == only_number("50 percent") == Number(Fraction(50), percent=True)
    assert distance(half, Number(Fraction(50))) == 0
    assert distance(half, Number(Fraction(1, 2))) == 0
    assert distance(Number(Fraction(1, 2)), half) == 0
    assert distance(half, Number(Fraction(5))) == Fraction(9, 2)


def test_words_are_numbers_only_when_asked() -> None:
    assert only_number("twenty-one cows") is None
    assert only_number("twenty-one cows", words=True) == Number(Fraction(21))
    assert only_number("minus two thousand three hundred and five", words=True) == Number(Fraction(-2305))
    assert only_number("no idea", words=True) is None


def test_first_and_last_of_prose() -> None:
    prose = "She sold 9 eggs at $2, so 1,018 dollars on the 3rd day."
    assert first_number(prose) == Number(Fraction(9))
    assert last_number(prose) == Number(Fraction(1018))
    assert last_number("none at all") is None


@given(st.fractions(), st.booleans())
def test_written_numbers_are_read_back(value: Fraction, percent: bool) -> None:
    number = Number(value, percent)
    assert only_number(written(number)) == number


@given(st.text(max_size=200))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    for read in (only_number, first_number, last_number):
        assert read(text) is None or isinstance(read(text), Number)
