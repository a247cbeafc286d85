from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.data.encode.lengths import LengthReport, measure_lengths, nearest_rank, recommend
from burnish.errors import ConfigError, DataError


def measure(lengths: list[int], **changes: Any) -> LengthReport:
    settings: dict[str, Any] = {
        "unit": "tokens",
        "percentiles": (50, 95, 100),
        "cutoffs": (),
        "percentile": 95,
        "margin": 1.1,
    }
    return measure_lengths(lengths, **settings | changes)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.floats(0, 100))
def test_a_percentile_is_the_smallest_length_that_enough_rows_do_not_exceed(lengths: list[int], percent: float) -> None:
    found = nearest_rank(np.sort(np.array(lengths)), percent)
    wanted = percent * len(lengths) / 100 - 1e-6
    assert found in lengths
    assert sum(length <= found for length in lengths) >= wanted
    assert all(sum(length <= other for length in lengths) < wanted + 1e-5 for other in lengths if other < found)


def test_other_percentiles_can_be_asked_for() -> None:
    report = measure(list(range(1, 2001)), percentiles=(100, 0, 99.95, 55))
    assert report.percentiles == ((0, 1), (55, 1100), (99.95, 1999), (100, 2000))
    assert (report.shortest, report.longest, report.mean, report.total) == (1, 2000, 1000.5, 2001000)


def test_cutoffs_count_what_they_cut_and_what_they_waste() -> None:
    (tight, wide) = measure([60, 60, 40, 140], cutoffs=(200, 100)).cutoffs
    assert (tight.max_length, tight.truncated, tight.truncated_share) == (100, 1, 0.25)
    assert tight.lost_share == pytest.approx(40 / 300)
    assert tight.packing_efficiency == pytest.approx(260 / 300)  # 100 | 60 + 40 | 60
    assert tight.padding_efficiency == pytest.approx(260 / 400)
    assert (wide.truncated, wide.lost_share) == (0, 0)
    assert wide.packing_efficiency == pytest.approx(300 / 400)  # 140 + 60 | 60 + 40


def test_the_recommendation_is_the_percentile_with_a_margin_on_a_multiple_of_64() -> None:
    lengths = np.array([100] * 95 + [900] * 5)
    found = recommend(lengths, 95, 1.1, None)
    assert found.max_length == 128
    assert "95 % of the rows have at most 100 tokens; x 1.1, up to a multiple of 64: 128; 5 of 100 rows" in found.why
    assert recommend(lengths, 96, 1.1, None).max_length == 960  # 990 would be 1024, but the longest row needs no more
    assert "the longest row has 900, so 960 holds all" in recommend(lengths, 96, 1.1, None).why
    assert recommend(lengths, 96, 1.1, 512).max_length == 512
    assert "the model's context is 512" in recommend(lengths, 96, 1.1, 512).why
    assert recommend(np.array([640]), 50, 1.0, None).max_length == 640


def test_characters_have_no_limits() -> None:
    report = measure([5, 9], unit="characters", cutoffs=(64,))
    assert report.recommended is None
    assert report.cutoffs == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"percentiles": (50, 101)}, "101 is not a percentile"),
        ({"percentile": -1}, "-1 is no"),
        ({"margin": 0}, "margin"),
    ],
)
def test_impossible_length_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        measure([1], **changes)


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match="no rows to measure"):
        measure([])
