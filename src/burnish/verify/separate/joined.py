"""Runs a test's process and the answer's process, each in a sandbox of its own, with their pipes joined.

The boundary is the sandbox, not the pipe: neither sees the other's processes, memory or files. The answer's process
ends with the test's; where the test says that a call was broken, the answer gets a moment to end by itself, for its
own end tells why.

Not covered: what the two ends mean (`grading`).
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from io import FileIO

from burnish.protocols import Job, JobResult, Joint, Sandbox

BROKEN = 97
"""Exit code of a test program whose answer ended in a call or sent what is no reply."""
_LAST_WORDS_S = 2.0
"""How long an answer that broke a call may take to be gone; one that is alive then is killed."""


@dataclass(frozen=True)
class Joined:
    """How both ended."""

    tests: JobResult
    answer: JobResult

    @property
    def cpu_ms(self) -> float:
        """Of both."""
        return self.tests.cpu_ms + self.answer.cpu_ms


def run_joined(sandbox: Sandbox, tests: Job, answer: Job) -> Joined:
    """Run both to their ends; the sandbox must be able to join processes."""
    questions, replies, life = _pipe(), _pipe(), _pipe()
    asked = replace(answer, joint=Joint(questions[0], replies[1], life[0]))
    asking = replace(tests, joint=Joint(replies[0], questions[1]))
    with life[1], ThreadPoolExecutor(1, thread_name_prefix="answer") as threads:
        served: Future[JobResult] = threads.submit(sandbox.run, asked)
        tested = sandbox.run(asking)
        if tested.exit_code == BROKEN:
            wait([served], _LAST_WORDS_S)
        life[1].close()
        return Joined(tested, served.result())


def _pipe() -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return FileIO(read, "rb"), FileIO(write, "wb")
