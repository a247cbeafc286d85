"""Build MovieLens tasks: will this user like the next film, given earlier ratings?

    ratings.csv + movies.csv -> each user's ratings in time -> candidates with the ratings just before -> three parts

A user's ratings are ordered by time, and by film where times are equal (which is common there), so that the order of
the file does not matter. The first ``history`` ratings have no history of their own and are nobody's candidate. Of a
user's n candidates the last max(1, floor(n x test_share)) are for testing, the max(1, floor(n x eval_share)) before
them for evaluating, the others for training.

The split is in time per user. It does not keep apart what other users rated later: a film that a test row asks about
may be liked in a training row that is younger. Histories of evaluation and test rows hold ratings from the parts before
them, as they would when the model is used; they hold ratings and never the candidate's. Films whose titles are the same
(two ids for ``Emma (1996)``) are one film, since a title is all that a model sees: of a user's ratings for it the first
counts, and the others are left out and counted.

Not covered: other versions' formats (``.dat`` files), genres, tags.
"""

from __future__ import annotations

import csv
import math
import unicodedata
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
    """Index among the user's ratings, from 0."""
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
    """Candidates of one part, created on demand; each costs one index in memory."""

    def __init__(self, timeline: _Timeline, places: list[int]) -> None:
        self._timeline = timeline
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @property
    def repeated_titles(self) -> int:
        """Ratings left out of all parts, because their user had rated another film with the same title before."""
        return self._timeline.repeated_titles

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> Candidates: ...
    def __getitem__(self, index: int | slice) -> Candidate | Candidates:
        if isinstance(index, slice):
            return Candidates(self._timeline, self._places[index])
        return self._timeline.candidate(self._places[index])


class _Timeline:
    """All ratings, ordered by user and time."""

    def __init__(self, ratings: Ratings, titles: Mapping[int, str], config: MovieLensConfig) -> None:
        self._ratings = ratings
        self._titles = titles
        self._config = config
        columns = (np.asarray(ratings.films), np.asarray(ratings.times), np.asarray(ratings.users))
        by_time: list[int] = np.lexsort(columns).tolist()
        self._order = self._first_of_each_title(by_time)
        self.repeated_titles = len(by_time) - len(self._order)
        self._begins: dict[int, int] = {}
        for place, row in enumerate(self._order):
            self._begins.setdefault(ratings.users[row], place)

    def places(self) -> dict[Part, list[int]]:
        """Return the indices of the candidates of each part, in an order that the seed decides."""
        parts: dict[Part, list[int]] = {"train": [], "eval": [], "test": []}
        ends = [*self._begins.values(), len(self._order)][1:]
        for begin, end in zip(self._begins.values(), ends, strict=True):
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
            history=tuple((self._titles[ratings.films[rated]], ratings.values[rated]) for rated in history),
            title=self._titles[ratings.films[row]],
            rating=ratings.values[row],
            liked=ratings.values[row] >= self._config.rating_threshold,
        )

    def _user_position(self, place: int) -> tuple[int, int]:
        user = self._ratings.users[self._order[place]]
        return user, place - self._begins[user]

    def _first_of_each_title(self, by_time: list[int]) -> list[int]:
        """Return the rows without those whose user rated a film with the same title before: no history may tell
        the answer."""
        names = {film: _same_name(title) for film, title in self._titles.items()}
        kept, user, rated = [], None, dict[str, int]()
        for row in by_time:
            if self._ratings.users[row] != user:
                user, rated = self._ratings.users[row], {}
            film = self._ratings.films[row]
            name = names[film]
            if rated.get(name) == film:
                raise DataError(
                    f"the user {user} rated the film {film} twice.",
                    "Keep one of the ratings: the history would tell the answer.",
                )
            if name not in rated:
                rated[name] = film
                kept.append(row)
        return kept


def read_movielens(config: MovieLensConfig) -> dict[Part, Candidates]:
    """Read candidates by part, in a seeded order, so that the first N are a fair sample.

    Raises DataError naming file and line of what cannot be read.
    """
    titles = _titles(config.source / "movies.csv")
    timeline = _Timeline(_ratings(config.source / "ratings.csv", titles), titles, config)
    places = timeline.places()
    if not places["test"]:
        raise DataError(f"no user in {config.source} has more than {config.history} ratings.", "Lower history.")
    del places["eval"][config.max_eval if config.max_eval is not None else len(places["eval"]) :]
    return {part: Candidates(timeline, chosen) for part, chosen in places.items()}


def candidate_id(user: int, position: int) -> str:
    """Build a candidate's id from its user and its index among the user's ratings."""
    return f"movielens:{user}:{position}"


def alpaca_row(candidate: Candidate, config: MovieLensConfig) -> dict[str, object]:
    """Build a training row: instruction, input, output, system and an empty history."""
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
    """Build the same question as a task, with the messages of the training row."""
    question = f"{config.instruction or INSTRUCTION}\n\n{_input(candidate)}"
    return Task(
        id=candidate.id,
        kind="classification",
        family=f"user {candidate.user}",
        prompt=prompt(config.system_prompt or SYSTEM, question),
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
    """Assign the candidates of a user with ``count`` ratings to parts."""
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
    """Compute max(1, floor(candidates x share)) with the decimal share: 0.1 of 30 is 3."""
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
            raise DataError(f"{path}:{line}: {error}.", "Use the files as GroupLens publishes them.") from error
        if film not in titles:
            raise DataError(f"{path}:{line}: movies.csv has no film {film}.", "Use both files of the same release.")
        ratings.users.append(user)
        ratings.films.append(film)
        ratings.times.append(time)
        ratings.values.append(value)
    return ratings


def _same_name(title: str) -> str:
    """Normalise a title so that equal titles compare equal: case, blanks and Unicode forms."""
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())


def _csv_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        file = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}.", "Give a folder with ratings.csv and movies.csv."
        ) from error
    with file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path} has no column {missing[0]!r}.", f"Its first line must name {', '.join(columns)}.")
        for row in reader:
            if any(row[name] is None for name in columns):
                raise DataError(f"{path}:{reader.line_num}: the line is too short.", "Fix or remove that line.")
            yield reader.line_num, row
