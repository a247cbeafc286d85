"""Numbers as people read them."""

from __future__ import annotations

import pytest

from burnish.report import text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.04, "0.0 s"),
        (4.21, "4.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (4800, "1 h 20 min"),
    ],
)
def test_durations_are_readable(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


def test_rates_and_differences_have_one_format() -> None:
    assert text.percent(0.9333) == "93.3"
    assert text.percent_interval((0.0, 1.0)) == "0.0–100.0"
    assert text.points(0.05) == "+5.0"
    assert text.points_interval((-0.012, 0.034)) == "-1.2 to +3.4"


def test_p_values_are_never_shown_as_zero() -> None:
    assert text.p_relation(1e-30) == "< 0.001"
    assert text.p_relation(0.0414) == "= 0.041"
