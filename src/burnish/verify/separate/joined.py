"""Run a test's process and the answer's process, each in a sandbox of its own, with joined pipes.

The boundary is the sandbox, not the pipe: neither sees the other's processes, memory or files. The answer's process
ends with the test's; after a broken call, the answer gets a moment to end by itself, since its own end tells why.

Not covered: the meaning of the two ends (`grading`).
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from io import FileIO

from burnish.protocols import Job, JobResult, Joint, Sandbox

BROKEN = 97
"""Exit code of a test program whose answer ended in a call or sent an invalid reply."""
FAILED = 101
"""Exit code of a test program whose test failed."""
_LAST_WORDS_S = 2.0
"""Seconds for an answer that broke a call to end before it is killed."""


@dataclass(frozen=True)
class Joined:
    """Ends of both processes."""

    tests: JobResult
    answer: JobResult

    @property
    def cpu_ms(self) -> float:
        """Return the CPU time of both."""
        return self.tests.cpu_ms + self.answer.cpu_ms


def run_joined(sandbox: Sandbox, tests: Job, answer: Job) -> Joined:
    """Run both to their ends; the sandbox must be able to join processes.

    Of a test program that waits (`prepared.tests`) only an ordinary end is believed; after any other both run again.
    """
    joined = _run_both(sandbox, tests, answer)
    ordinary = joined.tests.exit_code in (0, FAILED, BROKEN) and not (joined.tests.fault or joined.tests.exceeded)
    if ordinary or not joined.tests.shared:
        return joined
    return _run_both(sandbox, replace(tests, waits=False), answer)


def _run_both(sandbox: Sandbox, tests: Job, answer: Job) -> Joined:
    questions, replies, life = _pipe(), _pipe(), _pipe()
    joined_answer = replace(answer, joint=Joint(questions[0], replies[1], life[0]))
    asking = replace(tests, joint=Joint(replies[0], questions[1]))
    with life[1], ThreadPoolExecutor(1, thread_name_prefix="answer") as threads:
        served: Future[JobResult] = threads.submit(sandbox.run, joined_answer)
        tested = sandbox.run(asking)
        if tested.exit_code == BROKEN:
            wait([served], _LAST_WORDS_S)
        life[1].close()
        return Joined(tested, served.result())


def _pipe() -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return FileIO(read, "rb"), FileIO(write, "wb")
