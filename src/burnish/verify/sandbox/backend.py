"""Share code between backends: running jobs are known, so that all can be stopped, and ends are read in one way.

`Backend` keeps running jobs. `SlotBackend` is for backends that start a process for each job: a slot is a number and a
control group, used by one job after the other.

Not covered: isolation.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from burnish.protocols import Job, JobResult, Limits, Sandbox, can_join
from burnish.verify.sandbox.cgroups import Cgroups, Group, blamed, machine_oom_kills
from burnish.verify.sandbox.limits.executable import memory_asked
from burnish.verify.sandbox.limits.metering import GroupMeter
from burnish.verify.sandbox.supervise import Outcome, Running

RESERVED = 16
"""Multiple of the memory limit that a program may reserve if a control group counts touched memory: the stack
of a thread is reserved as a whole."""
_OWN_WORK_BYTES = 1 << 20
"""Share of the work folder for its own bookkeeping: files occupy whole pages."""
_CPU_TOLERANCE = 0.5
"""The kernel enforces RLIMIT_CPU on sampled ticks and reports precise time: under load the two differ widely."""
_CPU_BEYOND = 2
"""If the CPU time of all processes decides, RLIMIT_CPU of a single one must not end it earlier."""


class Cancellable(Protocol):
    """A running job that can be cancelled."""

    def cancel(self) -> None:
        """Kill it, from any thread."""
        ...


class Backend(ABC):
    """Sandbox that knows its running jobs; safe to call from several threads."""

    def __init__(self) -> None:
        self._running: set[Cancellable] = set()
        self._stopped = False
        self._lock = threading.Lock()

    @property
    @abstractmethod
    def layers(self) -> tuple[str, ...]:
        """Return the backend with version, then every active layer."""

    @property
    def joins(self) -> bool:
        """Return whether it runs jobs with a ``joint``."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Kill running jobs and release everything."""

    @abstractmethod
    def _run(self, job: Job) -> JobResult:
        """Run a job; an OSError becomes a fault."""

    def run(self, job: Job) -> JobResult:
        """Run one job to its end or to a limit; ``collect`` works only in the compile stage (ValueError otherwise).

        A job that could not be set up or was cancelled has a ``fault``, never a failure of the program.
        """
        if job.collect and job.stage != "compile":
            raise ValueError("only the compile stage can hand files back")
        if job.joint is not None and not self.joins:
            raise ValueError("this sandbox joins no processes")
        try:
            refused = _too_large(job)
            if refused:
                return JobResult(-int(signal.SIGKILL), b"", b"", cpu_ms=0.0, wall_ms=0.0, exceeded=refused)
            return self._run(job)
        except OSError as error:
            return fault(f"{type(error).__name__}: {error}")
        finally:
            if job.joint is not None:
                job.joint.close()

    def stop(self) -> None:
        """Kill every running job, and those that start later, until `resume`; their results carry a fault."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for job in running:
            job.cancel()

    def resume(self) -> None:
        """Let jobs run again."""
        self._stopped = False

    @contextlib.contextmanager
    def _known(self, job: Cancellable) -> Iterator[None]:
        """Register a job while it runs; cancel it at once after `stop`."""
        with self._lock:
            self._running.add(job)
            stopped = self._stopped
        try:
            if stopped:
                job.cancel()
            yield
        finally:
            with self._lock:
                self._running.discard(job)


class AroundSandbox:
    """Base of what sees or changes the results of another sandbox."""

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the inner sandbox's layers."""
        return self._inner.layers

    @property
    def joins(self) -> bool:
        """Return the value of the inner sandbox."""
        return can_join(self._inner)

    def run(self, job: Job) -> JobResult:
        """Run one job in the inner sandbox."""
        return self._inner.run(job)


@dataclass(frozen=True)
class Slot:
    """Resources of one job at a time."""

    number: int
    group: Group


@dataclass(frozen=True)
class Ended:
    """End of a job's process. ``code`` is that of the program, -n for signal n; None when it never started."""

    outcome: Outcome
    code: int | None
    stderr: bytes
    files: Mapping[str, bytes]


class SlotBackend(Backend):
    """Sandbox whose jobs are processes of their own, each in the control group of a slot."""

    monitor_pids = 2
    """Number of the backend's own processes in a job's control group."""
    more_threads = 0
    """Threads of a running program beyond the limit of processes, where the two are told apart."""

    def __init__(self) -> None:
        super().__init__()
        self._cgroups = Cgroups()
        self._slots: queue.LifoQueue[Slot] = queue.LifoQueue()
        self._made: list[Slot] = []

    @abstractmethod
    def _run_in(self, slot: Slot, job: Job) -> Ended:
        """Run a job to its end or to a limit, by `_supervised`."""

    @property
    def _counts_cpu(self) -> bool:
        """Return whether the kernel counts the CPU time of a whole job."""
        return self._cgroups.counts_cpu

    def close(self) -> None:
        """Kill running jobs and remove the control groups."""
        self.stop()
        with self._lock:
            made, self._made = self._made, []
            self._slots = queue.LifoQueue()
        for slot in made:
            slot.group.empty()
            slot.group.remove()

    def most_tasks(self, job: Job) -> int:
        """Return how many processes and threads a job may have, all together."""
        return job.limits.pids + (self.more_threads if job.stage == "run" else 0)

    def _run(self, job: Job) -> JobResult:
        try:
            slot = self._take()
        except OSError as error:
            return fault(f"no control group: {error}")
        try:
            slot.group.set_limits(job.limits.memory_bytes, self.most_tasks(job) + self.monitor_pids)
            kills_before, machine_before = slot.group.oom_kills(), machine_oom_kills()
            ended = self._run_in(slot, job)
            out_of_memory = slot.group.oom_kills() > kills_before
            return blamed(_result(ended, job.limits, out_of_memory, counted=self._counts_cpu), machine_before)
        finally:
            self._slots.put(slot)

    def _take(self) -> Slot:
        with contextlib.suppress(queue.Empty):
            return self._slots.get_nowait()
        with self._lock:
            slot = Slot(len(self._made), self._cgroups.group())
            self._made.append(slot)
            return slot

    def _supervised(
        self, running: Running, slot: Slot, limits: Limits, stdin: bytes, on_child: Callable[[int], None]
    ) -> Outcome:
        """Supervise a job to its end, and empty its control group; raise OSError if a process does not die."""
        try:
            with self._known(running):
                outcome = running.supervise(stdin, limits, GroupMeter(slot.group), on_child)
        finally:
            emptied = slot.group.empty()
        if not emptied:
            raise OSError("a process would not die")
        return outcome


def _too_large(job: Job) -> Literal["", "size", "memory"]:
    """Return the limit of a job that cannot start: files beyond the work folder, an executable that needs too much
    memory.

    Both depend on the program, so they are limits, never faults of the machine.
    """
    if sum(len(content) for content in job.files.values()) > job.limits.work_bytes - _OWN_WORK_BYTES:
        return "size"
    sizes = (memory_asked(job.files[name]) for name in job.executables)
    return "memory" if any(size > job.limits.memory_bytes for size in sizes) else ""


def write_files(folder: Path, job: Job) -> None:
    """Write the job's files into a folder of the host."""
    for name, content in job.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if name in job.executables else 0o644)


def fault(cause: str) -> JobResult:
    """Return the result of a job that the machine failed."""
    return JobResult(exit_code=0, stdout=b"", stderr=b"", cpu_ms=0.0, wall_ms=0.0, fault=cause)


def not_started(stderr: bytes, how: str) -> JobResult:
    """Return the fault of a sandbox that ended before the program; ``stderr`` is its output."""
    last = stderr.decode(errors="replace").strip()[-300:]
    return fault(f"the sandbox did not start: {last + ' ' if last else ''}({how})")


def exit_code(reported: int) -> int:
    """Convert a monitor's status that adds 128 to a signal: all codes above 128 are read as signals."""
    return 128 - reported if reported > 128 else reported


def cpu_rlimit_s(limits: Limits, *, counted: bool) -> int:
    """Return RLIMIT_CPU of each process: the limit, or well beyond it when the whole group's time is counted."""
    return max(1, round(limits.cpu_s * (_CPU_BEYOND if counted else 1)))


def limit_reached(
    code: int, cpu_ms: float, limits: Limits, *, out_of_memory: bool, counted: bool
) -> Literal["", "cpu", "memory"]:
    """Return the limit that ended a program killed by the kernel, not by the supervisor.

    ``counted``: ``cpu_ms`` is the time of all its processes, and decides alone, however the program ended.
    """
    if out_of_memory and code != 0:
        return "memory"
    if cpu_ms > limits.cpu_s * 1000:
        return "cpu"
    killed = code in (-signal.SIGKILL, -signal.SIGXCPU)
    return "cpu" if killed and not counted and cpu_ms >= limits.cpu_s * 1000 * _CPU_TOLERANCE else ""


def _result(ended: Ended, limits: Limits, out_of_memory: bool, *, counted: bool) -> JobResult:
    outcome = ended.outcome
    if outcome.cancelled:
        return fault("cancelled")
    if outcome.starved:
        return fault(f"the machine was short of CPU: {outcome.cpu_ms:.0f} ms of it in {outcome.wall_ms:.0f} ms")
    exceeded: Literal["", "cpu", "wall", "memory", "output"] = outcome.exceeded
    if exceeded or outcome.cut_off:
        code = -int(signal.SIGKILL)
    elif ended.code is None:
        return not_started(ended.stderr or outcome.stderr, f"wait status {outcome.status}")
    else:
        code = ended.code
        exceeded = limit_reached(code, outcome.cpu_ms, limits, out_of_memory=out_of_memory, counted=counted)
    return JobResult(
        exit_code=code,
        stdout=outcome.stdout,
        stderr=ended.stderr,
        cpu_ms=outcome.cpu_ms,
        wall_ms=outcome.wall_ms,
        collected=ended.files,
        exceeded=exceeded,
        cut_off=outcome.cut_off,
    )
