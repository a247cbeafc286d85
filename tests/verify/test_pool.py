from __future__ import annotations

import contextlib
import threading

import pytest

from burnish.verify.pool import run_pool


def test_every_job_is_done_once() -> None:
    results = dict(run_pool(range(50), lambda n: n * n, workers=4, cancel=lambda: None))
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
