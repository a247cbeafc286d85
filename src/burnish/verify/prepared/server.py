"""Run one prepared compiler: a sandboxed process that takes jobs over a socket and forks a child for each.

The compiler is started through ``Sandbox.run`` like any other job, so it has every layer of the sandbox; its reports
are trusted only for a child that ended by itself. A server with any irregularity is closed, and never used again.

Not covered: the choice of jobs (`prepared.sandbox`); building the C part (`native`).
"""

from __future__ import annotations

import array
import contextlib
import math
import os
import select
import shutil
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

from burnish.protocols import Job, JobResult, Limits, Sandbox
from burnish.verify.sandbox.bubblewrap import FIRST_UID, UIDS

FOLDER = "/prepared"
"""Paths of the preloaded library and the socket inside the sandbox."""
_LIFE_S = 3600.0
_START_S = 20.0
_REPLY = struct.Struct("=iIQ")
_COUNTS = struct.Struct("=IIII")
_MOST_MESSAGE = 60_000


class ServerError(Exception):
    """The prepared compiler cannot be trusted or reached; the job has no result."""


class Server:
    """Compiler that waits inside a sandbox. Not for use by two threads at once, except ``close``."""

    def __init__(self, sandbox: Sandbox, program: str, library: Path, like: Job) -> None:
        """Start it with limits and binds of ``like``; raise ServerError or OSError when it does not start."""
        self.jobs = 0
        self._folder = Path(tempfile.mkdtemp(prefix="burnish-prepared-"))
        try:
            self._connection = self._start(sandbox, program, library, like)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, sandbox: Sandbox, program: str, library: Path, like: Job) -> socket.socket:
        self._folder.chmod(0o711)
        inner = Path(tempfile.mkdtemp(dir=self._folder))  # only the sandbox knows its name
        inner.chmod(0o711)
        shutil.copyfile(library, inner / "prepared.so")
        (inner / "prepared.so").chmod(0o644)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(inner / "socket"))
            (inner / "socket").chmod(0o666)
            listener.listen(1)
            limits = like.limits
            job = Job(
                argv=("/usr/bin/env", f"LD_PRELOAD={FOLDER}/prepared.so", "LD_BIND_NOW=1", program),
                stage="compile",
                limits=Limits(
                    cpu_s=_LIFE_S, wall_s=_LIFE_S, memory_bytes=limits.memory_bytes, pids=limits.pids,
                    work_bytes=limits.work_bytes, output_bytes=limits.output_bytes,
                ),
                read_only={**like.read_only, FOLDER: inner},
            )  # fmt: skip
            ended_read, ended_write = os.pipe()

            def live() -> None:
                try:
                    sandbox.run(job)
                finally:
                    os.close(ended_write)

            # The sandbox dies with the thread that started it, so the thread lives as long.
            self._thread = threading.Thread(target=live, name="prepared", daemon=True)
            self._thread.start()
            try:
                return _accept(listener, ended_read)
            finally:
                os.close(ended_read)

    def run(self, job: Job) -> JobResult:
        """Run one job; raise ServerError when it did not end by itself within its limits."""
        began = time.monotonic()
        self.jobs += 1
        with contextlib.ExitStack() as held:

            def memory_file(content: bytes) -> int:
                descriptor = os.memfd_create("burnish")
                held.callback(os.close, descriptor)
                view = memoryview(content)
                while view:
                    view = view[os.write(descriptor, view) :]
                return descriptor

            stderr_file = memory_file(b"")
            given = [memory_file(content) for content in job.files.values()]
            wanted = [memory_file(b"") for _ in job.collect]
            words = [*job.argv, *job.files, *job.collect]
            message = _COUNTS.pack(len(job.argv), len(given), len(wanted), math.ceil(job.limits.cpu_s))
            message += b"".join(word.encode() + b"\0" for word in words)
            if len(message) > _MOST_MESSAGE:
                raise ServerError("the command is too long")
            status, cpu_us = self._ask(message, [stderr_file, *given, *wanted], job.limits.wall_s)
            if os.fstat(stderr_file).st_size > job.limits.output_bytes:
                raise ServerError("too much output")
            if cpu_us > job.limits.cpu_s * 1e6:
                raise ServerError("too much CPU time")
            return JobResult(
                exit_code=os.waitstatus_to_exitcode(status),
                stdout=b"",
                stderr=_content(stderr_file),
                cpu_ms=cpu_us / 1000,
                wall_ms=(time.monotonic() - began) * 1000,
                collected={name: _content(fd) for name, fd in zip(job.collect, wanted, strict=True)},
                shared=True,
            )

    def _ask(self, message: bytes, descriptors: list[int], wall_s: float) -> tuple[int, int]:
        try:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
            self._connection.sendmsg([message], rights)
            self._connection.settimeout(wall_s)
            answer = self._connection.recv(_REPLY.size)
        except OSError as error:
            raise ServerError(str(error)) from error
        if len(answer) != _REPLY.size:
            raise ServerError("the prepared compiler is gone")
        status, _, cpu_us = _REPLY.unpack(answer)
        return status, cpu_us

    def close(self) -> None:
        """End the connection, so that the server ends itself and its jobs; return when the sandbox is gone."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # a forked process of ours may hold a copy of the descriptor
        self._connection.close()
        self._thread.join()


def _accept(listener: socket.socket, ended: int) -> socket.socket:
    """Accept the server's connection. Only the sandbox's own user may connect: an impostor could forge results."""
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    waiting.register(ended, select.POLLHUP)
    ready = dict(waiting.poll(_START_S * 1000))
    if listener.fileno() not in ready:
        raise ServerError("the prepared compiler did not start")
    connection, _ = listener.accept()
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    uid = struct.unpack("=iII", credentials)[1]
    expected = range(FIRST_UID, FIRST_UID + UIDS) if os.geteuid() == 0 else (os.geteuid(),)
    if uid not in expected:
        connection.close()
        raise ServerError("another process connected")
    return connection


def _content(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0) if size else b""
