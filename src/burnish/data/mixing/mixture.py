"""Mix the rows of several sources: order, repeats by task type, shuffling; resumable at any row.

    sources -> turn by turn (`_Turns`) -> windows of rows -> copies by task weight -> permuted -> examples

Every choice is a digest of the seed and of its subject (a turn's number, a row's id, a window's number), never a draw
from a running generator. So the sequence depends neither on interruptions nor on the number of workers that read the
sources.

After an interruption the current window is read again from its beginning: a stream must yield the same rows when it is
read again. Copies of one row stand side by side unless the rows are shuffled.

Not covered: filters (they act inside the streams), sharding a sequence over processes.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import random
import tempfile
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from burnish.config.data.mixture import MixtureConfig
from burnish.errors import ConfigError, DataError
from burnish.fsio import digest_json
from burnish.records import Example

JsonState = dict[str, Any]


class RowStream(Protocol):
    """The rows of one source, filters included; the same rows at every reading."""

    def rows(self, start: int) -> Iterator[tuple[int, Example]]:
        """Yield rows from position ``start`` on (0 is the beginning), each with the next position."""
        ...


class Mixture:
    """Examples of all streams in the configured order.

    Iterating continues at the current position, so a second loop over a finished mixture yields nothing.

    Args:
        streams: source name -> its rows, in the order of the configuration.
        config: mode, weights, repeats, shuffling.
        seed: decides every random choice.
        state: what `state` returned after some row; the mixture yields exactly the rows after it.

    Raises:
        ConfigError: weights and sources do not match, or ``state`` is of another mixture.
        DataError: while iterating: a source to repeat has no row, or no row has a type that ``task_weights`` names.
    """

    def __init__(
        self, streams: Mapping[str, RowStream], config: MixtureConfig, seed: int, state: Mapping[str, Any] | None = None
    ) -> None:
        check_weights(config, tuple(streams))
        self._config = config
        self._seed = seed
        self._identity = digest_json([list(streams), config.model_dump(mode="json"), seed])
        if state is not None and state["mixture"] != self._identity:
            raise ConfigError(
                "the saved state belongs to another mixture: sources, mixture or seed differ.",
                "Continue with the original settings, or start over.",
            )
        anchor = None if state is None else state["anchor"]
        self._turns = _Turns(streams, config, seed, anchor)
        self._anchor = self._turns.state()
        self._given = 0 if state is None else int(state["given"])
        self._types = set() if state is None else set(state["types"])

    def __iter__(self) -> Iterator[Example]:
        while True:
            self._turns.go_to(self._anchor)
            for example in islice(self._window(), self._given, None):
                self._given += 1
                yield example
            if not self._given and self._turns.state() == self._anchor:
                self._check_types()
                return
            self._anchor, self._given = self._turns.state(), 0

    def state(self) -> JsonState:
        """Return the position after any row, as JSON."""
        return {
            "mixture": self._identity,
            "anchor": self._anchor,
            "given": self._given,
            "types": sorted(self._types),
        }

    def _window(self) -> Iterator[Example]:
        """Yield the rows of one shuffle window, from the current turn on."""
        match self._config.shuffle:
            case "none":
                yield from self._copies(islice(self._turns, 1))
            case "window":
                # The window's number seeds its shuffle, so a resumed mixture rebuilds only this window.
                number = self._turns.turn
                rows = list(self._copies(islice(self._turns, self._config.window)))
                random.Random(f"{self._seed}/window/{number}").shuffle(rows)
                yield from rows
            case "full":
                yield from _permuted(self._copies(iter(self._turns)), f"{self._seed}/full")

    def _copies(self, rows: Iterator[Example]) -> Iterator[Example]:
        """Yield every row as often as its task type requires."""
        weights = self._config.task_weights
        for row in rows:
            if row.task_type in weights:
                self._types.add(row.task_type)
            weight = weights.get(row.task_type, 1.0)
            # The fraction is decided by a digest of the row id: the same rows repeat, wherever they come in the
            # sequence.
            whole = math.floor(weight)
            once_more = _uniform(self._seed, "task weight", row.id) < weight - whole
            for _ in range(whole + once_more):
                yield row

    def _check_types(self) -> None:
        if self._config.when_exhausted == "stop":
            return  # unread rows may have the type
        unseen = sorted(set(self._config.task_weights) - self._types)
        if unseen:
            raise DataError(
                f"mixture.task_weights names the task type {unseen[0]!r}, which no row has.",
                "Remove it, or give the rows that type.",
            )


class _Turns:
    """Choose the source of the next row, without copies and shuffling; its state is small."""

    def __init__(
        self, streams: Mapping[str, RowStream], config: MixtureConfig, seed: int, state: Mapping[str, Any] | None
    ) -> None:
        self._streams = streams
        self._names = tuple(streams)
        self._config = config
        self._seed = seed
        self._open: dict[str, Iterator[tuple[int, Example]]] = {}
        self.turn = 0
        self._positions = dict.fromkeys(self._names, 0)
        self._ends = dict.fromkeys(self._names, 0)
        self._stopped = False
        if state is not None:
            self.go_to(state)

    def state(self) -> JsonState:
        return {
            "turn": self.turn,
            "positions": dict(self._positions),
            "ends": dict(self._ends),
            "stopped": self._stopped,
        }

    def go_to(self, state: Mapping[str, Any]) -> None:
        """Go to a stored state; sources already at their position stay open."""
        for name, position in state["positions"].items():
            # Reopening a source reads it from the beginning, so keep those that already stand at the right row.
            if position != self._positions[name] or state["ends"][name] != self._ends[name]:
                self._open.pop(name, None)
        self.turn, self._stopped = state["turn"], state["stopped"]
        self._positions, self._ends = dict(state["positions"]), dict(state["ends"])

    def __iter__(self) -> Iterator[Example]:
        while (example := self._next()) is not None:
            yield example

    def _next(self) -> Example | None:
        while not self._stopped:
            names = self._going_on()
            if not names:
                break
            name = self._choose(names)
            example = self._pull(name)
            if example is not None:
                self.turn += 1
                return example
            self._end(name)
        return None

    def _going_on(self) -> Sequence[str]:
        """Return sources that may have rows; empty when the mixture is at its end."""
        if self._config.when_exhausted == "repeat":
            return self._names if not all(self._ends.values()) else ()
        return [name for name in self._names if not self._ends[name]]

    def _choose(self, names: Sequence[str]) -> str:
        match self._config.mode:
            case "sequential":
                return names[0]
            case "round_robin":
                # Skip the turns of exhausted sources.
                while self._names[self.turn % len(self._names)] not in names:
                    self.turn += 1
                return self._names[self.turn % len(self._names)]
            case "weighted":
                weights = [self._config.weights[name] for name in names]
                # Weights of the remaining sources only: their proportions stay when one has ended.
                drawn = _uniform(self._seed, "turn", self.turn) * sum(weights)
                for name, weight in zip(names, weights, strict=True):
                    drawn -= weight
                    if drawn < 0:
                        return name
                # Rounding may leave `drawn` at 0 after the last weight.
                return names[-1]

    def _pull(self, name: str) -> Example | None:
        if name not in self._open:
            self._open[name] = self._streams[name].rows(self._positions[name])
        following = next(self._open[name], None)
        if following is None:
            return None
        self._positions[name], example = following
        return example

    def _end(self, name: str) -> None:
        """Handle the end of a source."""
        self._ends[name] += 1
        del self._open[name]
        match self._config.when_exhausted:
            case "stop":
                self._stopped = True
            case "drop_out":
                self.turn += 1  # draw again: this draw chose the source that has ended
            case "repeat":
                # An end at position 0 means the source is empty; repeating it would loop forever.
                if self._positions[name] == 0:
                    raise DataError(
                        f"the source {name!r} has no row, so it cannot be repeated.",
                        "Remove it of the mixture, or relax its filters.",
                    )
                if not all(self._ends.values()):
                    self._positions[name] = 0


def check_weights(config: MixtureConfig, names: Sequence[str]) -> None:
    """Raise ConfigError when ``weights`` names an unknown source, or leaves a source out."""
    if config.mode != "weighted":
        return
    for name in config.weights:
        if name not in names:
            raise ConfigError(f"mixture.weights: no source is named {name!r}.", _nearest(name, names))
    for name in names:
        if name not in config.weights:
            raise ConfigError(
                f"mixture.weights has no weight for the source {name!r}.",
                "Give every source a weight; 1.0 is as often as another 1.0.",
            )


def _uniform(seed: int, purpose: str, key: object) -> float:
    """Return a uniform number in 0..1, the digest of its arguments."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{key}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _permuted(rows: Iterator[Example], seed: str) -> Iterator[Example]:
    """Yield all rows in a random order, kept in a temporary file with eight bytes per row in memory."""
    with tempfile.TemporaryFile() as file:
        places = array("Q")
        for row in rows:
            places.append(file.tell())
            file.write(row.to_json().encode() + b"\n")
        random.Random(seed).shuffle(places)
        for place in places:
            file.seek(place)
            yield Example.from_json(file.readline())


def _nearest(name: str, names: Collection[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"The sources are {', '.join(names)}."
