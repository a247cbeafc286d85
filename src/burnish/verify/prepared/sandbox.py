"""Give compile jobs to prepared compilers, tests to programs that wait, and all other jobs to the inner sandbox.

A prepared compiler runs in a sandbox of the same kind, with every layer; it serves one job at a time, and its work
folder is emptied after each. Nothing of a candidate runs at compile time. A source that names files or variables could
still read another candidate, so it is excluded: such a job, and any that does not end in a plain success or a plain
compile error (crash, timeout, memory, too much output, a lost server), gets a sandbox of its own, whose result counts.

Not covered: compile jobs that need more than the toolchain (dependency sets); backends other than bubblewrap.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
from contextlib import suppress
from pathlib import Path

from burnish.protocols import Job, JobResult, Sandbox, can_join
from burnish.verify.compiler.native import built
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.prepared.server import Server, ServerError
from burnish.verify.prepared.tests import WaitingTests

logger = logging.getLogger(__name__)

_MOST_JOBS = 1000
"""A server is replaced after this many jobs."""
_MOST_FAILED_STARTS = 3
_REACHES_OUT = re.compile(rb"(?i)include|incbin|\basm|_asm|\benv|_env|\bpath|\blink")
"""Matches words that can name a file, a variable or a linker option. This is routing, not a defence: both ways are
sandboxed."""


class PreparedSandbox:
    """`protocols.Sandbox` around another one; safe to call from several threads."""

    def __init__(self, inner: Sandbox, toolchain: Toolchain) -> None:
        self._inner = inner
        self._toolchain = toolchain
        self._library = built(Path(__file__).with_name("prepared.c"), "-shared", "-fPIC")
        self._idle: dict[str, queue.LifoQueue[Server]] = {
            name: queue.LifoQueue() for name in (toolchain.clippy, toolchain.rustc)
        }
        self._lock = threading.Lock()
        self._failed_starts = 0
        self._tests = WaitingTests(inner)
        self.used = 0
        """Number of jobs that prepared compilers answered."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers of the inner sandbox; a prepared compiler has them all."""
        return self._inner.layers

    @property
    def joins(self) -> bool:
        """Return the value of the inner sandbox."""
        return can_join(self._inner)

    def run(self, job: Job) -> JobResult:
        """Run a job in a prepared compiler or test program if possible, otherwise in a sandbox of its own."""
        if job.waits:
            try:
                return self._tests.run(job)
            finally:
                if job.joint is not None:
                    job.joint.close()
        if self._library is None or self._failed_starts >= _MOST_FAILED_STARTS or not self._fits(job):
            return self._inner.run(job)
        try:
            server = self._take(job)
        except (ServerError, OSError) as error:
            result = self._inner.run(job)
            self._note_failed_start(error, result)
            return result
        return self._ask(server, job) or self._inner.run(job)

    def close(self) -> None:
        """End all idle servers; the inner sandbox stays open, and later jobs start servers anew."""
        self._tests.close()
        for servers in self._idle.values():
            with suppress(queue.Empty):
                while True:
                    servers.get_nowait().close()

    def _fits(self, job: Job) -> bool:
        if job.stage != "compile" or job.argv[0] not in self._idle or job.stdin or job.executables:
            return False
        if dict(job.read_only) != self._toolchain.binds:
            return False
        if any("/" in name for name in (*job.files, *job.collect)):
            return False
        return not any(name.endswith(".rs") and _REACHES_OUT.search(text) for name, text in job.files.items())

    def _note_failed_start(self, error: Exception, result: JobResult) -> None:
        """Count failed starts; three in a row, while jobs succeed alone, end the use of prepared compilers."""
        if result.fault:  # a fault of the machine, or a stop of running jobs
            return
        with self._lock:
            self._failed_starts += 1
            last = self._failed_starts == _MOST_FAILED_STARTS
        if last:
            logger.warning("No compiler is kept ready any more, and each check is slower: %s.", error)

    def _ask(self, server: Server, job: Job) -> JobResult | None:
        """Return a server's answer, or None when the job needs a sandbox of its own."""
        self._failed_starts = 0
        try:
            result = server.run(job)
        except (ServerError, OSError):
            server.close()
            return None
        if result.exit_code not in (0, 1) or server.jobs >= _MOST_JOBS:
            server.close()
        else:
            self._idle[job.argv[0]].put(server)
        if result.exit_code not in (0, 1):
            return None
        with self._lock:
            self.used += 1
        return result

    def _take(self, job: Job) -> Server:
        with suppress(queue.Empty):
            return self._idle[job.argv[0]].get_nowait()
        assert self._library is not None
        return Server(self._inner, job.argv[0], self._library, job)
