"""Run many independent jobs on threads, which suffice since other processes do the work.

Results arrive in the calling thread as they complete. An interrupt (Ctrl-C, or an error in the caller's handler) stops
running jobs through ``cancel`` and starts no further ones. Jobs are taken as workers become free, so the source may be
endless.

Not covered: the content of jobs; retries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def default_workers() -> int:
    """Return one worker per core that this process may use."""
    return len(os.sched_getaffinity(0))


def run_pool(
    jobs: Iterable[Given | None], work: Callable[[Given], Made], *, workers: int, cancel: Callable[[], None]
) -> Generator[tuple[Given, Made] | None]:
    """Yield (job, result) as they complete; an exception of ``work`` is raised here, after the rest has stopped.

    A None among the jobs means "none now": it is passed to the caller, and after a second one in a row no further job
    is requested until a running one has completed.
    """
    waiting = iter(jobs)
    running: dict[Future[Made], Given] = {}
    ended = False
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="verify") as executor:
        try:
            while True:
                pauses = 0
                # bounded: a queue of two per worker keeps all of them busy
                while not ended and pauses < 2 and len(running) < workers * 2:
                    try:
                        job = next(waiting)
                    except StopIteration:
                        ended = True
                    else:
                        if job is None:
                            pauses += 1
                            yield None
                        else:
                            pauses = 0
                            running[executor.submit(work, job)] = job
                if ended and not running:
                    return
                finished = wait(running, return_when=FIRST_COMPLETED).done if running else ()
                for future in finished:
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()
            if running:
                cancel()
