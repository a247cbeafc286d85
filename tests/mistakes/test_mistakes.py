"""Every typical mistake is told at once: cause, place and way out to the letter, before anything dear begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mistakes.place import furnish
from tests.mistakes.runner import TOO_LATE, Program, opened
from tests.mistakes.table import Mistake, make, read_table

TABLE = read_table()


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with opened() as running:
        yield running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    furnish(folder)
    return folder


@pytest.mark.parametrize("mistake", TABLE, ids=[mistake.command for mistake in TABLE])
def test_a_mistake_is_told_to_the_letter_and_first(mistake: Mistake, program: Program, place: Path) -> None:
    there = sorted(place.rglob("*"))
    ended, answer = make(mistake, program, place)
    assert ended.dear == "", f"it {ended.dear} before it tells"
    assert str(answer) == str(mistake)
    assert ended.stdout == ""
    assert sorted(place.rglob("*")) == there, "nothing is written"


def test_the_table_has_no_entry_twice_and_ways_out_that_say_something() -> None:
    assert len({mistake.command for mistake in TABLE}) == len(TABLE) >= 60
    assert all(len(mistake.way_out) > 10 and mistake.code in (2, 3) for mistake in TABLE)


@pytest.mark.parametrize(
    ("arguments", "dear"),
    [
        (("run", "r.yaml"), "starts rustc"),
        (("run", "r.yaml", "--set", "name=failed"), "starts rustc"),  # nothing was made: it needs no --resume
        (("run", "r.yaml", "--set", "name=made", "--resume"), "starts rustc"),
        (("data", "lengths", "r.yaml"), "loads"),
        (("generate", "--prompt", "hi"), "loads"),
    ],
)
def test_what_is_right_goes_on_to_what_is_dear(
    program: Program, place: Path, arguments: tuple[str, ...], dear: str
) -> None:
    """So that the table sees it where a mistake comes after it."""
    ended = program.run(arguments, place)
    assert (ended.code, ended.dear[: len(dear)]) == (TOO_LATE, dear), ended.stderr
