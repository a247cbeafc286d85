"""Near-duplicates: exact above and below the threshold, the first stays, and an interrupted search goes on exactly."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.data.overlap.near_duplicates import RECALL, NearDuplicates, Sketcher, band_rows
from burnish.data.overlap.shingles import shingles
from burnish.errors import DataError

WORDS = [f"w{i}" for i in range(5000)]
Row = tuple[str, list[str]]


def similarity(a: list[str], b: list[str], run: int = 5) -> float:
    """Jaccard similarity by definition."""
    x, y = set(shingles(a, run).tolist()), set(shingles(b, run).tolist())
    return len(x & y) / len(x | y)


def changed(tokens: list[str], changes: int, rng: random.Random) -> list[str]:
    """A copy with so many tokens replaced."""
    copy = list(tokens)
    for position in rng.sample(range(len(tokens)), changes):
        copy[position] = rng.choice(WORDS)
    return copy


def drop(path: Path, rows: list[Row], *, threshold: float = 0.8) -> dict[str, str]:
    """Which rows are duplicates of which."""
    index = NearDuplicates(path, Sketcher(threshold=threshold))
    found = {row_id: index.find_or_keep(row_id, tokens) for row_id, tokens in rows}
    index.close()
    return {row_id: duplicate.of for row_id, duplicate in found.items() if duplicate is not None}


def test_pairs_around_the_threshold_are_told_apart(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows: list[Row] = []
    similar: dict[str, float] = {}
    for number in range(400):
        tokens = rng.choices(WORDS, k=300)
        copy = changed(tokens, rng.randrange(0, 20), rng)
        rows += [(f"{number}", tokens), (f"{number} copy", copy)]
        similar[f"{number} copy"] = similarity(tokens, copy)
    found = drop(tmp_path / "index.sqlite", rows)
    wanted = {row_id for row_id, value in similar.items() if value >= 0.8}
    assert 100 < len(wanted) < 300
    assert set(found) <= wanted  # precision 1: candidates are compared exactly
    assert len(found) >= RECALL * len(wanted)
    assert all(of == row_id.removesuffix(" copy") for row_id, of in found.items())


@pytest.mark.parametrize(("threshold", "permutations"), [(0.5, 128), (0.8, 128), (0.9, 64), (1.0, 16)])
def test_bands_reach_the_recall_and_no_wider_ones_do(threshold: float, permutations: int) -> None:
    def recall(rows: int) -> float:
        return 1 - (1 - threshold**rows) ** (permutations // rows)

    rows = band_rows(threshold, permutations)
    assert recall(rows) >= RECALL
    assert all(recall(wider) < RECALL for wider in range(rows + 1, permutations + 1))


def test_the_first_row_stays_and_a_duplicate_is_no_new_model(tmp_path: Path) -> None:
    rng = random.Random(1)
    first = rng.choices(WORDS, k=200)
    second = changed(first, 3, rng)
    third = changed(second, 4, rng)
    assert similarity(first, second) > 0.8 < similarity(second, third)
    assert similarity(first, third) < 0.8
    rows = [("first", first), ("second", second), ("third", third)]
    assert drop(tmp_path / "index.sqlite", rows) == {"second": "first"}


def test_short_rows_are_compared_and_empty_ones_kept(tmp_path: Path) -> None:
    rows: list[Row] = [("a", ["x"]), ("b", ["x"]), ("c", ["y"]), ("d", []), ("e", []), ("f", ["x", "y"])]
    assert drop(tmp_path / "index.sqlite", rows) == {"b": "a"}


def test_a_new_index_forgets_what_the_file_held(tmp_path: Path) -> None:
    rows: list[Row] = [("a", ["x"])]
    assert drop(tmp_path / "index.sqlite", rows) == drop(tmp_path / "index.sqlite", rows) == {}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), cut=st.integers(0, 40), beyond=st.integers(0, 10))
def test_a_restored_index_finds_the_same_duplicates(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cut: int, beyond: int
) -> None:
    rng = random.Random(seed)
    originals = [rng.choices(WORDS, k=40) for _ in range(8)]
    rows = [(str(i), changed(rng.choice(originals), rng.randrange(3), rng)) for i in range(40)]
    folder = tmp_path_factory.mktemp("index")
    whole = drop(folder / "whole.sqlite", rows, threshold=0.6)
    path = folder / "cut.sqlite"
    index = NearDuplicates(path, Sketcher(threshold=0.6))
    before = [index.find_or_keep(*row) for row in rows[:cut]]
    state = index.state()
    for row in rows[cut : cut + beyond]:
        index.find_or_keep(*row)  # seen, but not part of the state: a crash comes later than the last checkpoint
    index.close()
    index = NearDuplicates(path, Sketcher(threshold=0.6), state=state)
    found = before + [index.find_or_keep(*row) for row in rows[cut:]]
    index.close()
    assert {row[0]: one.of for row, one in zip(rows, found, strict=True) if one is not None} == whole


def test_an_index_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    index = NearDuplicates(path, Sketcher(threshold=0.8))
    index.find_or_keep("a", ["x", "y"])
    state = index.state()
    index.close()
    with pytest.raises(DataError, match="another run"):
        NearDuplicates(path, Sketcher(threshold=0.7), state=state)
    with pytest.raises(DataError, match="another run"):
        NearDuplicates(path, Sketcher(threshold=0.8), state={"kept": 2})
    with pytest.raises(DataError, match="is gone"):
        NearDuplicates(tmp_path / "none.sqlite", Sketcher(), state=state)


def test_a_sketch_is_the_same_wherever_it_is_made() -> None:
    one, other = Sketcher().sketch(WORDS[:50]), Sketcher().sketch(WORDS[:50])
    assert one.bands == other.bands
    assert np.array_equal(one.runs, other.runs)
    assert one.bands[0] == -7081953484130386419
