"""Run one process under limits of CPU time, wall time and output size.

The result is ready when the supervised process exits (pidfd), not when its pipes close: a grandchild may hold those
open. After the exit, the pipes are drained without waiting.

CPU time of all its processes decides. The wall clock limits waiting programs: it stops while others keep the program
from running, up to `_PATIENCE` times the limit; if the program got no CPU even then, the machine failed.

Not covered: isolation (`bubblewrap` builds the command), memory limits (rlimits and control groups).
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from burnish.protocols import Joint, Limits
from burnish.verify.sandbox.limits.metering import GroupMeter

_Exceeded = Literal["", "cpu", "wall", "output"]
_CHUNK = 1 << 16
_CUT_OFF = "cut off"
_LOOK_S = 0.25
"""Seconds between two samples of CPU time; use beyond the limit until then counts."""
_PATIENCE = 4
_DEATH_WAIT_S = 5.0
"""Seconds for a killed sandbox to end before its monitor is killed too."""


@dataclass(frozen=True)
class Outcome:
    """End of the supervised sandbox."""

    status: int
    """Wait status of the sandbox's monitor process."""
    reported_exit: int | None
    """Exit code of the program inside as the monitor reported it; None when it never ran to an end."""
    stdout: bytes
    stderr: bytes
    cpu_ms: float
    """User and system time of all processes of the job, as far as the kernel reports it."""
    wall_ms: float
    exceeded: _Exceeded
    cancelled: bool
    starved: bool = False
    """Whether the machine lacked CPU for so long that the program cannot be judged."""
    cut_off: bool = False
    """Whether it was killed because the other end of its joint was closed."""


class Running:
    """Supervised process; ``cancel`` may be called from another thread."""

    def __init__(
        self,
        argv: Sequence[str],
        pass_fds: Sequence[int],
        status_read: int,
        start_write: int,
        joint: Joint | None = None,
    ) -> None:
        """Take over ``status_read``, which yields bwrap's JSON status, and ``start_write``: a byte on it starts the
        program.

        Closes the process's ends of ``joint`` here, so that the other side sees its end.
        """
        self._until = joint.until if joint is not None else None
        self._cut_off = False
        self._status = status_read
        self._start = start_write
        self._status_text = b""
        self._child: int | None = None  # pidfd of the program: unlike a pid it cannot be reused
        self._lock = threading.Lock()  # over _child, which cancel uses from another thread
        self._cancelled = threading.Event()
        self._starved = False
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            list(argv),
            pass_fds=pass_fds,
            stdin=subprocess.PIPE if joint is None else joint.stdin,
            stdout=subprocess.PIPE if joint is None else joint.stdout,
            stderr=subprocess.PIPE,
            cwd="/",
            env={},
            start_new_session=True,
        )
        if joint is not None:
            joint.stdin.close()
            joint.stdout.close()

    @property
    def pid(self) -> int:
        """Return the pid of the supervised process."""
        return self._process.pid

    def cancel(self) -> None:
        """Kill the program; the supervising thread then returns with ``cancelled`` set.

        During the set-up of the sandbox, the supervising thread kills it: killing the monitor then would leave a child.
        """
        self._cancelled.set()
        with self._lock:
            known = self._child is not None
        if known:
            self._kill()

    def supervise(self, stdin: bytes, limits: Limits, meter: GroupMeter, on_child: Callable[[int], None]) -> Outcome:
        """Supervise to the end or to a limit; ``on_child`` gets the program's pid before it starts."""
        assert self._process.stderr is not None
        deadline = self._began + limits.wall_s
        pidfd = os.pidfd_open(self._process.pid)
        outputs = {name: bytearray() for name in ("stdout", "stderr")}
        pipes = {self._process.stderr.fileno(): outputs["stderr"]}
        if self._process.stdout is not None:
            pipes[self._process.stdout.fileno()] = outputs["stdout"]
        exceeded: _Exceeded = ""
        try:
            child_pid = self._read_child_pid(pidfd, deadline)
            if child_pid is not None:
                # Both errors mean that the program is dead already: its set-up failed, or it was cancelled.
                with contextlib.suppress(ProcessLookupError, BrokenPipeError):
                    on_child(child_pid)
                    os.write(self._start, b"x")
            exceeded = self._pump(pidfd, pipes, stdin, limits, meter)
            status, cpu_ms = self._reap(pidfd)
            meter.look()
        except BaseException:
            self._kill()
            self._reap(pidfd)
            raise
        finally:
            os.close(pidfd)
            self._close()
        return Outcome(
            status=status,
            reported_exit=self._reported_exit(),
            stdout=bytes(outputs["stdout"]),
            stderr=bytes(outputs["stderr"]),
            cpu_ms=cpu_ms if meter.cpu_ms is None else meter.cpu_ms,
            wall_ms=(time.monotonic() - self._began) * 1000,
            exceeded=exceeded,
            cancelled=self._cancelled.is_set(),
            starved=self._starved,
            cut_off=self._cut_off,
        )

    def _read_child_pid(self, pidfd: int, deadline: float) -> int | None:
        """Read the program's pid from the first status line; None when the monitor ended before writing it."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._status, selectors.EVENT_READ)
            selector.register(pidfd, selectors.EVENT_READ)
            while b"\n" not in self._status_text:
                ready = {key.fd for key, _ in selector.select(max(0.0, deadline - time.monotonic()))}
                part = os.read(self._status, 4096) if self._status in ready else b""
                if not part:  # end of file, the monitor's end, or the deadline
                    return None
                self._status_text += part
        pid = int(json.loads(self._status_text.split(b"\n")[0])["child-pid"])
        with self._lock, contextlib.suppress(ProcessLookupError):
            self._child = os.pidfd_open(pid)
        if self._cancelled.is_set():
            self._kill()
        return pid

    def _pump(
        self, pidfd: int, pipes: dict[int, bytearray], stdin: bytes, limits: Limits, meter: GroupMeter
    ) -> _Exceeded:
        output_bytes = limits.output_bytes
        look_at = time.monotonic() + _LOOK_S
        writer = self._process.stdin.fileno() if self._process.stdin is not None else -1
        rest = memoryview(stdin)
        with selectors.DefaultSelector() as selector:
            for descriptor in pipes:
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            selector.register(pidfd, selectors.EVENT_READ)
            self._register_others(selector, stdin)
            while True:
                events = selector.select(max(0.0, look_at - time.monotonic()))
                ready = {key.fd for key, _ in events}
                self._cut_off = pidfd not in ready and any(key.data == _CUT_OFF for key, _ in events)
                if self._cut_off:
                    for descriptor, held in pipes.items():  # what it wrote before its last reply is there
                        _drain(descriptor, held, output_bytes)
                    self._kill()
                    return ""
                if time.monotonic() >= look_at and pidfd not in ready:
                    if exceeded := self._out_of_time(limits, meter):
                        self._kill()
                        return exceeded
                    look_at = time.monotonic() + _LOOK_S
                if writer in ready and rest:
                    rest = self._feed(selector, rest)
                for descriptor in ready & pipes.keys():
                    if not _drain(descriptor, pipes[descriptor], output_bytes):
                        selector.unregister(descriptor)
                if sum(len(held) for held in pipes.values()) > output_bytes:
                    self._kill()
                    return "output"
                if pidfd in ready:
                    for descriptor, held in pipes.items():
                        _drain(descriptor, held, output_bytes)
                    return "output" if sum(len(held) for held in pipes.values()) > output_bytes else ""

    def _register_others(self, selector: selectors.BaseSelector, stdin: bytes) -> None:
        """Register further descriptors: standard input if there is something to write, and the end of a joint."""
        if self._until is not None:
            selector.register(self._until, selectors.EVENT_READ, _CUT_OFF)
        if self._process.stdin is not None and stdin:
            os.set_blocking(self._process.stdin.fileno(), False)
            selector.register(self._process.stdin, selectors.EVENT_WRITE)
        elif self._process.stdin is not None:
            self._process.stdin.close()

    def _out_of_time(self, limits: Limits, meter: GroupMeter) -> _Exceeded:
        meter.look()
        if (meter.cpu_ms or 0.0) > limits.cpu_s * 1000:
            return "cpu"
        elapsed = time.monotonic() - self._began
        if elapsed - meter.starved_ms / 1000 > limits.wall_s:
            return "wall"
        self._starved = elapsed > _PATIENCE * limits.wall_s
        return "wall" if self._starved else ""

    def _feed(self, selector: selectors.BaseSelector, rest: memoryview) -> memoryview:
        assert self._process.stdin is not None
        writer = self._process.stdin.fileno()
        try:
            rest = rest[os.write(writer, rest) :]
        except BlockingIOError:
            return rest
        except BrokenPipeError:
            rest = rest[:0]
        if not rest:
            selector.unregister(writer)
            self._process.stdin.close()
        return rest

    def _kill(self) -> None:
        """Kill the first process inside, so that the kernel ends its whole pid namespace before the monitor reports."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._child is not None:
                signal.pidfd_send_signal(self._child, signal.SIGKILL)
            elif self._process.returncode is None:
                os.kill(self._process.pid, signal.SIGKILL)

    def _reap(self, pidfd: int) -> tuple[int, float]:
        with selectors.DefaultSelector() as selector:
            selector.register(pidfd, selectors.EVENT_READ)
            if not selector.select(_DEATH_WAIT_S):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._process.pid, signal.SIGKILL)
        with self._lock:
            _, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
        return status, (usage.ru_utime + usage.ru_stime) * 1000

    def _reported_exit(self) -> int | None:
        for line in self._status_text.splitlines()[1:]:
            if b'"exit-code"' in line:
                return int(json.loads(line)["exit-code"])
        return None

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            os.set_blocking(self._status, False)
            while part := os.read(self._status, 4096):
                self._status_text += part
        with self._lock:
            if self._child is not None:
                os.close(self._child)
                self._child = None
        os.close(self._status)
        os.close(self._start)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _drain(descriptor: int, held: bytearray, cap: int) -> bool:
    """Read what is available; stop one chunk past the cap, and return False at the end of the file."""
    while len(held) <= cap:
        try:
            part = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        if not part:
            return False
        held += part
    return True
