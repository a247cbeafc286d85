from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from burnish.data.encode.encoded import IGNORED, EncodedExample, load_rows, save_rows


@st.composite
def encoded(draw: st.DrawFn) -> EncodedExample:
    ids = draw(st.lists(st.integers(0, 300_000), min_size=1, max_size=12))
    trained = draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    labels = [token if yes else IGNORED for token, yes in zip(ids, trained, strict=True)]
    return EncodedExample(
        draw(st.text(max_size=5)),
        ids,
        labels,
        draw(st.floats(0.01, 10)),
        draw(st.integers(0, 3)),
        draw(st.integers(0, 9)),
        draw(st.booleans()),
    )


@given(st.lists(encoded(), max_size=6))
def test_encoded_rows_survive_a_round_trip(rows: list[EncodedExample]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_rows(rows, Path(folder))
        assert load_rows(Path(folder)) == rows
