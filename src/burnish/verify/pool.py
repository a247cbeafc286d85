"""Runs many independent jobs on threads: the work is done by other processes, so threads do.

Results arrive in the calling thread as they complete. An interrupt (Ctrl-C, or an error in the caller's handler) stops
what runs through ``cancel`` and starts nothing more.

Not covered: what a job is; retries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def default_workers() -> int:
    """One per core that this process may use."""
    return len(os.sched_getaffinity(0))


def run_pool(
    jobs: Sequence[Given], work: Callable[[Given], Made], *, workers: int, cancel: Callable[[], None]
) -> Generator[tuple[Given, Made]]:
    """Yield (job, result) as they complete; an exception of ``work`` is raised here, after the rest has stopped."""
    waiting = iter(jobs)
    running: dict[Future[Made], Given] = {}
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="verify") as executor:
        try:
            while True:
                for job in waiting:
                    running[executor.submit(work, job)] = job
                    if len(running) >= workers * 2:  # bounded: a queue of two per worker keeps all of them busy
                        break
                if not running:
                    return
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()
            if running:
                cancel()
