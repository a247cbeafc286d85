"""MovieLens: will this user like the next film? A history of ratings, a candidate, and yes or no.

    ratings.csv + movies.csv -> each user's ratings in time -> candidates with the ratings just before -> three parts

A user's ratings are ordered by time, and by film where times are equal (which is common there), so that the order of
the file does not matter. The first ``history`` ratings have no history of their own and are nobody's candidate. Of a
user's n candidates the last max(1, floor(n x test_share)) are for testing, the max(1, floor(n x eval_share)) before
them for evaluating, the others for training.

The split is in time per user. It does not keep apart what other users rated later: a film that a test row asks about
may be liked in a training row that is younger. Histories of evaluation and test rows hold ratings from the parts before
them, as they would when the model is used; they hold ratings and never the candidate's.

Not covered: other versions' formats (``.dat`` files), genres, tags.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, overload

import numpy as np

from burnish.config.verbs.build import MovieLensConfig
from burnish.data.builders.questions import prompt
from burnish.errors import DataError
from burnish.fsio import digest_bytes
from burnish.records import Task

LABELS = ("Yes", "No")
LICENCE = "LicenseRef-GroupLens"
SYSTEM = (
    "You recommend films. Given the films that a user watched and rated, and a candidate film, say whether the user "
    "will like the candidate. Begin your answer with Yes or No."
)
INSTRUCTION = "Will this user like the candidate film, going by what they watched and rated before?"
QUESTION = "Will the user like it? Answer Yes or No."

Part = Literal["train", "eval", "test"]


@dataclass
class Ratings:
    """Columns of ``ratings.csv``, a row per rating."""

    users: array[int] = field(default_factory=lambda: array("q"))
    films: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True)
class Candidate:
    """One question: a film, the ratings just before it, and whether the user liked it."""

    user: int
    position: int
    """Place among the user's ratings, from 0."""
    history: tuple[tuple[str, float], ...]
    """Titles and ratings, oldest first."""
    title: str
    rating: float
    liked: bool

    @property
    def id(self) -> str:
        return candidate_id(self.user, self.position)

    @property
    def label(self) -> str:
        return LABELS[0] if self.liked else LABELS[1]


class Candidates(Sequence[Candidate]):
    """Candidates of one part, made as they are asked for: a place among all ratings each is what they take."""

    def __init__(self, timeline: _Timeline, places: list[int]) -> None:
        self._timeline = timeline
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> Candidates: ...
    def __getitem__(self, index: int | slice) -> Candidate | Candidates:
        if isinstance(index, slice):
            return Candidates(self._timeline, self._places[index])
        return self._timeline.candidate(self._places[index])


class _Timeline:
    """All ratings, user by user and in time."""

    def __init__(self, ratings: Ratings, titles: Mapping[int, str], config: MovieLensConfig) -> None:
        self._ratings = ratings
        self._titles = titles
        self._config = config
        columns = (np.asarray(ratings.films), np.asarray(ratings.times), np.asarray(ratings.users))
        self._order: list[int] = np.lexsort(columns).tolist()
        self._begins: dict[int, int] = {}
        for place, row in enumerate(self._order):
            self._begins.setdefault(ratings.users[row], place)

    def places(self) -> dict[Part, list[int]]:
        """Where the candidates of each part stand, in an order that the seed decides."""
        parts: dict[Part, list[int]] = {"train": [], "eval": [], "test": []}
        ends = [*self._begins.values(), len(self._order)][1:]
        for begin, end in zip(self._begins.values(), ends, strict=True):
            self._refuse_film_twice(begin, end)
            for part, position in _positions(end - begin, self._config):
                parts[part].append(begin + position)
        seed = str(self._config.seed).encode()
        for places in parts.values():
            places.sort(key=lambda place: digest_bytes(seed, candidate_id(*self._user_position(place)).encode()))
        return parts

    def candidate(self, place: int) -> Candidate:
        ratings, history = self._ratings, self._order[place - self._config.history : place]
        row = self._order[place]
        user, position = self._user_position(place)
        return Candidate(
            user=user,
            position=position,
            history=tuple((self._titles[ratings.films[one]], ratings.values[one]) for one in history),
            title=self._titles[ratings.films[row]],
            rating=ratings.values[row],
            liked=ratings.values[row] >= self._config.rating_threshold,
        )

    def _user_position(self, place: int) -> tuple[int, int]:
        user = self._ratings.users[self._order[place]]
        return user, place - self._begins[user]

    def _refuse_film_twice(self, begin: int, end: int) -> None:
        seen: set[int] = set()
        for row in self._order[begin:end]:
            film = self._ratings.films[row]
            if film in seen:
                raise DataError(
                    f"the user {self._ratings.users[row]} rated the film {film} twice.",
                    "Keep one of the ratings: the history would tell the answer.",
                )
            seen.add(film)


def read_movielens(config: MovieLensConfig) -> dict[Part, Candidates]:
    """Candidates by part, in an order that the seed decides, so that the first so many are a fair sample.

    Raises DataError naming file and line of what cannot be read.
    """
    titles = _titles(config.source / "movies.csv")
    timeline = _Timeline(_ratings(config.source / "ratings.csv", titles), titles, config)
    places = timeline.places()
    if not places["test"]:
        raise DataError(
            f"no user in {config.source} has more than {config.history} ratings.", "Take a shorter history."
        )
    del places["eval"][config.max_eval if config.max_eval is not None else len(places["eval"]) :]
    return {part: Candidates(timeline, found) for part, found in places.items()}


def candidate_id(user: int, position: int) -> str:
    """Names a candidate by its user and its place among the user's ratings."""
    return f"movielens:{user}:{position}"


def alpaca_row(candidate: Candidate, config: MovieLensConfig) -> dict[str, object]:
    """A training row: instruction, input, output, system and an empty history."""
    return {
        "instruction": config.instruction or INSTRUCTION,
        "input": _input(candidate),
        "output": candidate.label,
        "system": config.system_prompt or SYSTEM,
        "history": [],
        "task_type": "movielens",
        "id": candidate.id,
    }


def movielens_task(candidate: Candidate, config: MovieLensConfig) -> Task:
    """The same question as a task: its messages are those that a training row becomes."""
    asked = f"{config.instruction or INSTRUCTION}\n\n{_input(candidate)}"
    return Task(
        id=candidate.id,
        kind="classification",
        family=f"user {candidate.user}",
        prompt=prompt(config.system_prompt or SYSTEM, asked),
        labels=LABELS,
        answers=(candidate.label,),
        reference=candidate.label,
        licence=LICENCE,
        origin=candidate.id,
    )


def _input(candidate: Candidate) -> str:
    watched = "\n".join(
        f"{number}. {title} (rating ≈ {rating:.1f})" for number, (title, rating) in enumerate(candidate.history, 1)
    )
    count = len(candidate.history)
    return f"User's last {count} watched movies:\n{watched}\n\nCandidate movie: {candidate.title}\n\n{QUESTION}"


def _positions(count: int, config: MovieLensConfig) -> Iterator[tuple[Part, int]]:
    """The candidates of a user with ``count`` ratings, and the part each belongs to."""
    candidates = count - config.history
    if candidates <= 0:
        return
    test = candidates - _part(candidates, config.test_share)
    evaluation = max(0, test - _part(candidates, config.eval_share))
    first = 0 if config.max_per_user is None else max(0, evaluation - config.max_per_user)
    for index in range(first, candidates):
        part: Part = "test" if index >= test else "eval" if index >= evaluation else "train"
        yield part, config.history + index


def _part(candidates: int, share: float) -> int:
    """max(1, floor(candidates x share)), with the share as it is written: 0.1 of 30 is 3."""
    return max(1, math.floor(candidates * Decimal(str(share))))


def _titles(path: Path) -> dict[int, str]:
    return {int(row["movieId"]): row["title"] for _, row in _csv_rows(path, ("movieId", "title"))}


def _ratings(path: Path, titles: Mapping[int, str]) -> Ratings:
    ratings = Ratings()
    for line, row in _csv_rows(path, ("userId", "movieId", "rating", "timestamp")):
        try:
            user, film, time = int(row["userId"]), int(row["movieId"]), int(row["timestamp"])
            value = float(row["rating"])
        except ValueError as error:
            raise DataError(f"{path}:{line}: {error}.", "Take the files as GroupLens publishes them.") from error
        if film not in titles:
            raise DataError(f"{path}:{line}: movies.csv has no film {film}.", "Take both files of one release.")
        ratings.users.append(user)
        ratings.films.append(film)
        ratings.times.append(time)
        ratings.values.append(value)
    return ratings


def _csv_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        file = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}.", "Name a folder with ratings.csv and movies.csv."
        ) from error
    with file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path} has no column {missing[0]!r}.", f"Its first line must name {', '.join(columns)}.")
        for row in reader:
            if any(row[name] is None for name in columns):
                raise DataError(f"{path}:{reader.line_num}: the line is too short.", "Mend or remove it.")
            yield reader.line_num, row
