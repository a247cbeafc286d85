"""Keep a test program started in its sandbox: it forks a process for each test (`separate/wire/waiting.rs`).

The sandbox is of the same kind, with every layer; nothing of an answer runs in it, only values that answers return
arrive there. Each test is a process of its own with the limits of any, and what it leaves behind ends the program. A
result that is not an ordinary end is marked shared and not believed (`separate.joined`).

Not covered: answers, each of which has a sandbox of its own.
"""

from __future__ import annotations

import array
import contextlib
import math
import os
import socket
import struct
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from io import FileIO

from burnish.protocols import Job, JobResult, Joint, Sandbox

_MOST_IDLE = 2 * len(os.sched_getaffinity(0)) + 2
_MOST_TESTS = 1000
"""A program is started anew after this many tests."""
_LIFE_S = 3600.0
_PATIENCE = 4
"""Multiple of the wall limit of a test: an answer that keeps it waiting meets its own limits first, also under load."""
_ENDED = struct.Struct("=QQ")
_SECONDS = struct.Struct("=Q")


class WaitingTests:
    """Started test programs, by their content; safe to call from several threads."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._idle: OrderedDict[_Waiting, None] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, job: Job) -> JobResult:
        """Run one test; the result has a fault if the program that waits failed."""
        with self._lock:
            program = next((p for p in reversed(self._idle) if p.fits(job)), None)
            if program is not None:
                del self._idle[program]
        try:
            program = program or _Waiting(self._sandbox, job)
            result = program.run(job)
        except OSError as error:
            result = JobResult(0, b"", b"", 0.0, 0.0, fault=str(error) or "the test program is gone", shared=True)
        if program is None:
            return result
        if result.fault or result.exceeded or program.tests >= _MOST_TESTS:
            program.close()
            return result
        with self._lock:
            self._idle[program] = None
            oldest = self._idle.popitem(last=False)[0] if len(self._idle) > _MOST_IDLE else None
        if oldest is not None:
            oldest.close()
        return result

    def close(self) -> None:
        """End all that wait; later tests start them anew."""
        with self._lock:
            idle, self._idle = list(self._idle), OrderedDict()
        for program in idle:
            program.close()


class _Waiting:
    """One started test program. Not for use by two threads at once."""

    def __init__(self, sandbox: Sandbox, job: Job) -> None:
        self.tests = 0
        self._content = job.files["tests"]
        self._words = len(job.argv)
        self._connection, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._life, inner_life = socket.socketpair()
        nothing = FileIO(os.open(os.devnull, os.O_WRONLY), "wb")
        joint = Joint(FileIO(inner.detach(), "rb"), nothing, FileIO(inner_life.detach(), "rb"))
        argv = (job.argv[0], "--wait", *job.argv[2:])
        limits = replace(job.limits, cpu_s=_LIFE_S, wall_s=_LIFE_S)
        started = replace(job, argv=argv, limits=limits, joint=joint, waits=False)
        # The sandbox dies with the thread that started it, so the thread lives as long.
        self._thread = threading.Thread(target=sandbox.run, args=(started,), name="tests", daemon=True)
        self._thread.start()

    def fits(self, job: Job) -> bool:
        """Return whether this is the program of a job."""
        return job.files["tests"] is self._content and len(job.argv) == self._words

    def run(self, job: Job) -> JobResult:
        """Run one test; raise OSError if the program does not reply."""
        assert job.joint is not None
        self.tests += 1
        began = time.monotonic()
        with FileIO(os.memfd_create("burnish"), "r+b") as errors:
            given = array.array("i", (job.joint.stdin.fileno(), job.joint.stdout.fileno(), errors.fileno()))
            message = _SECONDS.pack(math.ceil(job.limits.cpu_s)) + b"".join(w.encode() + b"\0" for w in job.argv[1:])
            self._connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)])
            job.joint.close()  # so that the answer sees the end of the test
            self._connection.settimeout(_PATIENCE * job.limits.wall_s)
            reply = self._connection.recv(_ENDED.size)
            if len(reply) != _ENDED.size:
                raise ConnectionError("the test program is gone")
            status, cpu_us = _ENDED.unpack(reply)
            size = os.fstat(errors.fileno()).st_size
            stderr = os.pread(errors.fileno(), min(size, job.limits.output_bytes), 0)
        if size > job.limits.output_bytes or cpu_us > job.limits.cpu_s * 1e6:
            raise ConnectionError("the test did not end as one alone")
        wall_ms = (time.monotonic() - began) * 1000
        return JobResult(os.waitstatus_to_exitcode(status), b"", stderr, cpu_us / 1000, wall_ms, shared=True)

    def close(self) -> None:
        """End it; return when the sandbox is gone."""
        for held in (self._life, self._connection):
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)  # a forked process of ours may hold a copy of the descriptor
            held.close()
        self._thread.join()
