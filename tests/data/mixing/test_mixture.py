"""A mixture goes on exactly where it was interrupted, refuses weights that do not fit, keeps its proportions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from burnish.config.data.mixture import MixtureConfig
from burnish.data.mixing.mixture import Mixture
from burnish.errors import ConfigError, DataError
from burnish.records import Example


@dataclass(frozen=True)
class Rows:
    """A stream of rows that are there already."""

    examples: tuple[Example, ...]

    def rows(self, start: int) -> Iterator[tuple[int, Example]]:
        for position in range(start, len(self.examples)):
            yield position + 1, self.examples[position]


@dataclass(frozen=True)
class RowsOfWorkers(Rows):
    """The same, where workers prepare rows ahead."""

    workers: int = 2

    def rows(self, start: int) -> Iterator[tuple[int, Example]]:
        with ThreadPoolExecutor(self.workers) as pool:
            yield from pool.map(lambda n: (n + 1, self.examples[n]), range(start, len(self.examples)))


def example(source: str, number: int, task_type: str = "") -> Example:
    return Example(id=f"{source}:{number}", text="fn a() {}", source=source, task_type=task_type)


def streams(**counts: int) -> dict[str, Rows]:
    return {name: Rows(tuple(example(name, n, "ab"[n % 2]) for n in range(count))) for name, count in counts.items()}


def ids(sources: Mapping[str, Rows], *, seed: int = 0, **settings: Any) -> list[str]:
    return [row.id for row in Mixture(sources, MixtureConfig(**settings), seed)]


@st.composite
def configurations(draw: st.DrawFn) -> MixtureConfig:
    mode = draw(st.sampled_from(["sequential", "round_robin", "weighted"]))
    endings = ["drop_out"] if mode == "sequential" else ["drop_out", "stop", "repeat"]
    weight = st.floats(0.1, 5)
    return MixtureConfig(
        mode=mode,
        weights={"x": draw(weight), "y": draw(weight), "z": draw(weight)} if mode == "weighted" else {},
        when_exhausted=draw(st.sampled_from(endings)),
        task_weights={"a": draw(st.floats(0.2, 3))} if draw(st.booleans()) else {},
        shuffle=draw(st.sampled_from(["none", "window", "full"])),
        window=draw(st.integers(2, 9)),
    )


@given(configurations(), st.tuples(*[st.integers(1, 12)] * 3), st.integers(0, 99), st.data())
def test_an_interrupted_mixture_continues_with_exactly_the_rest(
    config: MixtureConfig, counts: tuple[int, int, int], seed: int, data: st.DataObject
) -> None:
    sources = streams(**dict(zip("xyz", counts, strict=True)))
    whole = [row.id for row in Mixture(sources, config, seed)]
    seen: list[str] = []
    state: Any = None
    for part in data.draw(st.lists(st.integers(0, len(whole)), max_size=4)):
        mixture = Mixture(sources, config, seed, state=state)
        seen += [row.id for row in islice(mixture, part)]
        seen += [row.id for row in islice(mixture, data.draw(st.integers(0, 2)))]  # the same object may go on too
        state = json.loads(json.dumps(mixture.state()))
    assert seen + [row.id for row in Mixture(sources, config, seed, state=state)] == whole


@given(configurations(), st.integers(0, 99), st.integers(1, 4))
def test_the_number_of_workers_changes_nothing(config: MixtureConfig, seed: int, workers: int) -> None:
    sources = streams(x=7, y=5, z=11)
    read_ahead = {name: RowsOfWorkers(rows.examples, workers) for name, rows in sources.items()}
    assert [row.id for row in Mixture(read_ahead, config, seed)] == [row.id for row in Mixture(sources, config, seed)]


def test_sequential_reads_every_source_to_its_end() -> None:
    assert ids(streams(x=2, y=1)) == ["x:0", "x:1", "y:0"]


@pytest.mark.parametrize(
    ("when_exhausted", "expected"),
    [
        ("stop", ["x:0", "y:0", "z:0", "x:1"]),
        ("drop_out", ["x:0", "y:0", "z:0", "x:1", "z:1", "x:2"]),
        ("repeat", ["x:0", "y:0", "z:0", "x:1", "y:0", "z:1", "x:2", "y:0", "z:0"]),
    ],
)
def test_round_robin_stops_at_or_skips_a_finished_source_as_configured(
    when_exhausted: str, expected: list[str]
) -> None:
    assert ids(streams(x=3, y=1, z=2), mode="round_robin", when_exhausted=when_exhausted) == expected


def test_weights_are_the_proportions_while_all_sources_last() -> None:
    drawn = ids(streams(x=5000, y=5000), mode="weighted", weights={"x": 3, "y": 1}, when_exhausted="stop")
    first = Counter(row.partition(":")[0] for row in drawn[:4000])
    assert first["x"] == pytest.approx(3000, abs=150)


def test_every_row_comes_once_when_sources_drop_out_and_the_seed_decides_the_order() -> None:
    sources = streams(x=30, y=3)
    weights = {"x": 1, "y": 9}
    one = ids(sources, mode="weighted", weights=weights)
    assert sorted(one) == sorted(ids(sources))
    assert one != ids(sources, mode="weighted", weights=weights, seed=1)


@pytest.mark.parametrize("shuffle", ["window", "full"])
def test_shuffling_is_a_permutation(shuffle: str) -> None:
    plain, mixed = ids(streams(x=40, y=9)), ids(streams(x=40, y=9), shuffle=shuffle, window=10)
    assert sorted(mixed) == sorted(plain)
    assert mixed != plain
    within = [sorted(mixed[n : n + 10]) == sorted(plain[n : n + 10]) for n in range(0, 49, 10)]
    assert all(within) == (shuffle == "window")
    assert mixed != ids(streams(x=40, y=9), shuffle=shuffle, window=10, seed=1)


def test_task_weights_repeat_whole_times_and_a_share_of_the_rows() -> None:
    counts = Counter(ids(streams(x=4000), task_weights={"a": 2.25, "b": 0.5}))
    a, b = ([counts[f"x:{n}"] for n in range(start, 4000, 2)] for start in (0, 1))
    assert set(a) == {2, 3}
    assert set(b) == {0, 1}
    assert a.count(3) == pytest.approx(500, abs=70)
    assert b.count(1) == pytest.approx(1000, abs=90)


def test_repeats_of_a_row_do_not_depend_on_where_it_stands() -> None:
    rows = streams(x=50)["x"].examples
    turned = {"x": Rows(rows[::-1])}
    settings: dict[str, Any] = {"task_weights": {"a": 1.5}}
    assert Counter(ids(turned, **settings)) == Counter(ids({"x": Rows(rows)}, **settings))


def test_a_type_that_no_row_has_is_an_error_once_all_is_read() -> None:
    with pytest.raises(DataError, match="'rust-fix', which no row has"):
        ids(streams(x=3), task_weights={"rust-fix": 2})


def test_weights_of_unknown_sources_name_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="no source is named 'stak'") as caught:
        Mixture(streams(stack=1, tasks=1), MixtureConfig(mode="weighted", weights={"stak": 1, "tasks": 1}), 0)
    assert caught.value.way_out == "Did you mean 'stack'?"
    with pytest.raises(ConfigError, match="no weight for the source 'tasks'"):
        Mixture(streams(stack=1, tasks=1), MixtureConfig(mode="weighted", weights={"stack": 1}), 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "weighted", "weights": {"x": 0}},
        {"task_weights": {"a": -1}},
        {"weights": {"x": 1}},
        {"mode": "sequential", "when_exhausted": "repeat"},
    ],
)
def test_contradictory_mixture_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MixtureConfig(**settings)


def test_a_source_without_rows_cannot_be_repeated() -> None:
    with pytest.raises(DataError, match="'y' has no row"):
        ids(streams(x=2, y=0), mode="round_robin", when_exhausted="repeat")
    assert ids(streams(x=2, y=0), mode="round_robin") == ["x:0", "x:1"]


def test_a_state_of_another_mixture_is_refused() -> None:
    state = Mixture(streams(x=2), MixtureConfig(), 0).state()
    with pytest.raises(ConfigError, match="another mixture"):
        Mixture(streams(x=2), MixtureConfig(), 1, state=state)
