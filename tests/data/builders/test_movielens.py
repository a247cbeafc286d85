"""Candidates, histories and parts of every user are those of the rules, whatever the order of the file."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.data.training_data import JsonlSource
from burnish.config.verbs.build import MovieLensConfig
from burnish.data.builders.movielens import Candidate, Part, alpaca_row, movielens_task, read_movielens
from burnish.data.sources.reading import BadRows, stream
from burnish.errors import DataError
from tests.data.builders.small_movielens import write_movielens

USERS = {1: 15, 2: 16, 3: 17, 4: 18, 5: 45, 6: 65}


def built(source: Path, **settings: Any) -> dict[Part, list[Candidate]]:
    parts = read_movielens(MovieLensConfig(source=source, out=Path("unused"), **settings))
    return {part: list(candidates) for part, candidates in parts.items()}


def of_user(parts: dict[Part, list[Candidate]], user: int) -> dict[str, list[int]]:
    """Positions of a user's candidates, by part."""
    return {part: sorted(c.position for c in candidates if c.user == user) for part, candidates in parts.items()}


def test_the_parts_of_users_with_few_and_many_ratings(tmp_path: Path) -> None:
    parts = built(write_movielens(tmp_path, ratings_of=USERS))
    assert of_user(parts, 1) == {"train": [], "eval": [], "test": []}
    assert of_user(parts, 2) == {"train": [], "eval": [], "test": [15]}
    assert of_user(parts, 3) == {"train": [], "eval": [15], "test": [16]}
    assert of_user(parts, 4) == {"train": [15], "eval": [16], "test": [17]}
    assert of_user(parts, 5) == {"train": list(range(15, 41)), "eval": [41], "test": [42, 43, 44]}
    assert of_user(parts, 6) == {"train": list(range(15, 58)), "eval": [58, 59], "test": [60, 61, 62, 63, 64]}
    assert sum(map(len, parts.values())) == sum(USERS.values()) - 15 * len(USERS)


def test_histories_are_the_ratings_just_before(tmp_path: Path) -> None:
    parts = built(write_movielens(tmp_path, ratings_of={1: 30}), history=4)
    candidates = sorted((one for part in parts.values() for one in part), key=lambda one: one.position)
    assert [candidate.position for candidate in candidates] == list(range(4, 30))
    for before, after in itertools.pairwise(candidates):
        assert after.history == (*before.history[1:], (before.title, before.rating))
        assert after.title not in dict(after.history)
        assert after.liked == (after.rating >= 4.0)


def test_the_order_of_the_file_does_not_matter_even_where_times_are_equal(tmp_path: Path) -> None:
    one = built(write_movielens(tmp_path / "a", ratings_of=USERS))
    other = built(write_movielens(tmp_path / "b", ratings_of=USERS, shuffled=True))
    assert (tmp_path / "a/ratings.csv").read_text() != (tmp_path / "b/ratings.csv").read_text()
    assert one == other


def test_limits_keep_the_latest_training_rows_and_a_sample_that_the_seed_decides(tmp_path: Path) -> None:
    folder = write_movielens(tmp_path, ratings_of=USERS)
    limited = built(folder, max_per_user=3, max_eval=2)
    assert of_user(limited, 6)["train"] == [55, 56, 57]
    assert len(limited["eval"]) == 2
    assert limited["test"] == built(folder)["test"]
    assert limited["test"] != built(folder, seed=14)["test"]
    assert set(limited["test"]) == set(built(folder, seed=14)["test"])


def test_a_training_row_becomes_the_messages_of_the_task(tmp_path: Path) -> None:
    config = MovieLensConfig(source=write_movielens(tmp_path, ratings_of={1: 20}), out=tmp_path / "o", history=3)
    candidate = read_movielens(config)["test"][0]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(alpaca_row(candidate, config)) + "\n")
    task = movielens_task(candidate, config)
    ((_, example),) = stream(JsonlSource(path=path), "movielens", BadRows(0))
    assert example.messages[:-1] == task.prompt
    assert example.messages[-1].content == task.answers[0] == candidate.label
    assert example.task_type == "movielens"
    assert task.labels == ("Yes", "No")
    assert f"3. {candidate.history[2][0]} (rating ≈ {candidate.history[2][1]:.1f})\n" in task.prompt[1].content
    assert f"Candidate movie: {candidate.title}\n" in task.prompt[1].content


def test_two_films_with_one_title_are_one_film(tmp_path: Path) -> None:
    titles = {1: "Heat (1995)", 2: "Emma (1996)", 3: "Up (2009)", 4: " emma  (1996)", 5: "Her (2013)"}
    (tmp_path / "movies.csv").write_text(
        "movieId,title,genres\n" + "".join(f"{film},{title},Drama\n" for film, title in titles.items())
    )
    rows = [(1, film, 5.0 if film == 4 else 2.0, film) for film in titles] + [(2, film, 3.0, film) for film in (4, 5)]
    (tmp_path / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    )
    parts = read_movielens(MovieLensConfig(source=tmp_path, out=Path("unused"), history=1))
    candidates = [one for part in parts.values() for one in part]
    # User 1 rated Emma twice under two ids: the first rating counts. User 2 rated one of them alone.
    assert {(candidate.user, candidate.history[0][0], candidate.title) for candidate in candidates} == {
        (1, "Heat (1995)", "Emma (1996)"),
        (1, "Emma (1996)", "Up (2009)"),
        (1, "Up (2009)", "Her (2013)"),
        (2, " emma  (1996)", "Her (2013)"),
    }
    assert parts["train"].repeated_titles == 1


def test_no_history_of_the_case_holds_its_candidate(shared: Path) -> None:
    source = shared / "cases" / "answers" / "case11_ml"
    candidates = [one for part in built(source, history=15).values() for one in part]
    assert candidates
    for candidate in candidates:
        assert candidate.title not in [title for title, _ in candidate.history]


@pytest.mark.parametrize(
    ("file", "line", "problem"),
    [
        ("ratings.csv", "1,7,4.0", "the line is too short"),
        ("ratings.csv", "1,9999,4.0,1", "movies.csv has no film 9999"),
        ("ratings.csv", "1,7,good,1", "could not convert"),
        ("ratings.csv", "1,7,4.0,1\n1,7,3.0,2", "rated the film 7 twice"),
    ],
)
def test_files_that_cannot_be_read_name_the_place(tmp_path: Path, file: str, line: str, problem: str) -> None:
    write_movielens(tmp_path, ratings_of={2: 20})
    with (tmp_path / file).open("a") as ratings:
        ratings.write(line + "\n")
    with pytest.raises(DataError, match=problem):
        built(tmp_path, history=3)


def test_a_missing_column_and_too_long_a_history_are_named(tmp_path: Path) -> None:
    write_movielens(tmp_path, ratings_of={2: 20})
    with pytest.raises(DataError, match="more than 20 ratings"):
        built(tmp_path, history=20)
    (tmp_path / "movies.csv").write_text("id,title\n1,x\n")
    with pytest.raises(DataError, match="no column 'movieId'"):
        built(tmp_path)
