from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator

import pytest

from burnish.verify.judge.pool import run_pool


def test_every_job_is_done_once() -> None:
    results = dict(r for r in run_pool(range(50), lambda n: n * n, workers=4, cancel=lambda: None) if r is not None)
    assert results == {n: n * n for n in range(50)}


def test_leaving_early_stops_what_runs_and_starts_nothing_more() -> None:
    stop = threading.Event()
    started: list[int] = []

    def work(n: int) -> int:
        started.append(n)
        if n > 0:
            stop.wait()
        return n

    with contextlib.closing(run_pool(range(1000), work, workers=2, cancel=stop.set)) as results:
        assert next(results) == (0, 0)
    assert stop.is_set()
    assert len(started) < 10


def test_an_error_in_a_job_reaches_the_caller_after_the_rest_has_stopped() -> None:
    stop = threading.Event()

    def work(n: int) -> int:
        if n == 1:
            raise RuntimeError("broken")
        stop.wait()
        return n

    with pytest.raises(RuntimeError, match="broken"):
        list(run_pool(range(3), work, workers=3, cancel=stop.set))
    assert stop.is_set()


def test_jobs_added_by_results_are_done() -> None:
    made: list[int] = []
    open_jobs = 1

    def jobs() -> Iterator[int | None]:
        yield 0
        while open_jobs:
            yield made.pop() if made else None

    done: list[int] = []
    for result in run_pool(jobs(), lambda n: n, workers=2, cancel=lambda: None):
        if result is None:
            continue
        number, _ = result
        done.append(number)
        open_jobs -= 1
        if number < 5:
            made.append(number + 1)
            open_jobs += 1
    assert done == [0, 1, 2, 3, 4, 5]


def test_jobs_are_taken_as_workers_come_free() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    with contextlib.closing(run_pool(endless(), lambda n: n, workers=2, cancel=lambda: None)) as results:
        first = [next(results) for _ in range(10)]
    assert len(first) == 10
    assert len(taken) <= 10 + 2 * 2
