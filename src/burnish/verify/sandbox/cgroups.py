"""Manage control groups of sandboxed processes: memory, process count and one core, on version 1, version 2, or none.

Each sandbox slot keeps one group for its lifetime; between jobs it is empty, and out-of-memory kills are read as the
growth of a counter. The sandbox's layers name the active kind: an ordinary user mostly has none, and then
memory is limited per process by rlimits only.

The CPU controller is used if available (`Cgroups.one_core`); it is set once, since a job never gets more than one core.

`metering` counts the CPU time of a group's processes and their waiting time for a core.

Not covered: disk (rlimits and the size-limited tmpfs hold that).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

from burnish.protocols import JobResult

_PREFIX = "burnish-"
_EMPTY_WAIT_S = 5.0
_PERIOD_US = 100_000
"""A group gets this much CPU time in each such span: one core."""
_NUMBERS = itertools.count()
"""Counter, since several sandboxes of one process must not share groups."""
CgroupKind = Literal["v1", "v2", "none"]


class Group(Protocol):
    """One control group, reused by the jobs of a slot, one after the other."""

    def set_limits(self, memory_bytes: int, pids: int) -> None:
        """Set the limits of the next job; raises OSError."""
        ...

    def add(self, pid: int) -> None:
        """Move a process in; its children follow. Raises OSError."""
        ...

    def oom_kills(self) -> int:
        """Count the kernel's kills in this group for lack of memory, ever."""
        ...

    def cpu_ms(self) -> float | None:
        """Return the CPU time of all processes ever in this group; None if the kernel does not count it."""
        ...

    def threads(self) -> list[int]:
        """Return the ids of all threads now in this group."""
        ...

    def empty(self) -> bool:
        """Kill remaining processes and wait; return False if one does not die."""
        ...

    def remove(self) -> None:
        """Remove the group."""
        ...


class NoGroup:
    """Stand-in without a control group; its threads are those below the process that was added last."""

    def __init__(self) -> None:
        self._first: int | None = None

    def set_limits(self, memory_bytes: int, pids: int) -> None:  # noqa: ARG002  there is nothing to limit
        self._first = None

    def add(self, pid: int) -> None:
        self._first = pid

    def oom_kills(self) -> int:
        return 0

    def cpu_ms(self) -> float | None:
        return None

    def threads(self) -> list[int]:
        """Walk from parents to children, which the kernel lists by thread."""
        ids: list[int] = []
        processes = [self._first] if self._first is not None else []
        while processes:
            folder = Path(f"/proc/{processes.pop()}/task")
            with contextlib.suppress(OSError):  # it has ended
                for thread in folder.iterdir():
                    ids.append(int(thread.name))
                    processes += [int(pid) for pid in (thread / "children").read_text().split()]
        return ids

    def empty(self) -> bool:
        return True

    def remove(self) -> None: ...


class _Folders:
    """Common base of both versions: groups are folders with ``cgroup.procs``."""

    _threads = "tasks"

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = tuple(dict.fromkeys(folders))  # hierarchies that are mounted together count once
        self._files = tuple(folder / "cgroup.procs" for folder in self._folders)
        self._limits = (0, 0)
        for folder in self._folders:
            folder.mkdir(exist_ok=True)

    def set_limits(self, memory_bytes: int, pids: int) -> None:
        """Write the limits, unless they are those of the job before."""
        if self._limits != (memory_bytes, pids):
            self._limits = (0, 0)
            self._write_limits(memory_bytes, pids)
            self._limits = memory_bytes, pids

    def _write_limits(self, memory_bytes: int, pids: int) -> None:
        raise NotImplementedError

    def threads(self) -> list[int]:
        return [int(thread) for thread in (self._folders[0] / self._threads).read_text().split()]

    def add(self, pid: int) -> None:
        for file in self._files:
            _write(file, str(pid))

    def empty(self) -> bool:
        deadline = time.monotonic() + _EMPTY_WAIT_S
        while True:
            pids = {int(p) for file in self._files for p in file.read_text().split()}
            if not pids:
                return True
            if time.monotonic() > deadline:
                return False
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)

    def remove(self) -> None:
        for folder in self._folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


class GroupV1(_Folders):
    """Group with a folder in the memory hierarchy, one in the pids hierarchy, and in those of cpu and cpuacct if
    present."""

    def __init__(self, memory: Path, pids: Path, cpu: Path | None = None, cpuacct: Path | None = None) -> None:
        super().__init__((memory, pids, *(folder for folder in (cpu, cpuacct) if folder is not None)))
        self._memory, self._pids, self._cpuacct = memory, pids, cpuacct
        if cpu is not None:
            _write(cpu / "cpu.cfs_period_us", str(_PERIOD_US))
            _write(cpu / "cpu.cfs_quota_us", str(_PERIOD_US))

    def _write_limits(self, memory_bytes: int, pids: int) -> None:
        swap = self._memory / "memory.memsw.limit_in_bytes"
        limit = self._memory / "memory.limit_in_bytes"
        with contextlib.suppress(FileNotFoundError):
            _write(swap, "-1")  # the two limits must never cross
        _write(limit, str(memory_bytes))
        with contextlib.suppress(FileNotFoundError):
            _write(swap, str(memory_bytes))
        _write(self._pids / "pids.max", str(pids))

    def oom_kills(self) -> int:
        return _counter(self._memory / "memory.oom_control", "oom_kill")

    def cpu_ms(self) -> float | None:
        if self._cpuacct is None:
            return None
        return int((self._cpuacct / "cpuacct.usage").read_text()) / 1e6


class GroupV2(_Folders):
    """Group with a folder in the unified hierarchy, below a parent that enables memory and pids for its children."""

    _threads = "cgroup.threads"

    def __init__(self, folder: Path, *, one_core: bool = False) -> None:
        super().__init__((folder,))
        self._folder = folder
        if one_core and (folder / "cpu.max").exists():
            _write(folder / "cpu.max", f"{_PERIOD_US} {_PERIOD_US}")

    def _write_limits(self, memory_bytes: int, pids: int) -> None:
        _write(self._folder / "memory.max", str(memory_bytes))
        with contextlib.suppress(FileNotFoundError):
            _write(self._folder / "memory.swap.max", "0")
        _write(self._folder / "pids.max", str(pids))

    def oom_kills(self) -> int:
        return _counter(self._folder / "memory.events", "oom_kill")

    def cpu_ms(self) -> float | None:
        return _counter(self._folder / "cpu.stat", "usage_usec") / 1000


class Cgroups:
    """Find what this process may use, and make groups there."""

    def __init__(self, mounts: Path = Path("/proc/self/mountinfo"), own: Path = Path("/proc/self/cgroup")) -> None:
        self._parents = _find(mounts.read_text(), own.read_text())
        self.kind: CgroupKind = "none"
        self.one_core = "cpu" in self._parents
        if "memory" in self._parents:
            self.kind = "v1"
        elif "" in self._parents:
            self.kind = "v2"
            self.one_core = "cpu" in _controllers(self._parents[""] / "cgroup.subtree_control")
        self.counts_cpu = self.kind == "v2" or (self.kind == "v1" and "cpuacct" in self._parents)
        """Whether the CPU time of a whole group is counted."""
        for parent in self._parents.values():
            _sweep(parent)

    def group(self) -> Group:
        """Make a new group; raise OSError when the kernel refuses."""
        name = f"{_PREFIX}{os.getpid()}-{next(_NUMBERS)}"
        if self.kind == "v1":
            folders = {controller: parent / name for controller, parent in self._parents.items()}
            return GroupV1(folders["memory"], folders["pids"], folders.get("cpu"), folders.get("cpuacct"))
        if self.kind == "v2":
            return GroupV2(self._parents[""] / name, one_core=self.one_core)
        return NoGroup()


def machine_oom_kills() -> int:
    """Count the kernel's kills for lack of memory on the whole machine, in any group.

    A SIGKILL that no limit explains is the machine's fault if this count has grown. Otherwise it is the program's: a
    filter cannot prevent all such ends, and a program that could choose ``infra`` would never fail.
    """
    return _counter(Path("/proc/vmstat"), "oom_kill")


def blamed(result: JobResult, machine_before: int) -> JobResult:
    """Return the result, as a fault if the machine ran out of memory and that may have killed the program."""
    unexplained = result.exit_code == -signal.SIGKILL and not result.exceeded and not result.fault
    if unexplained and machine_oom_kills() > machine_before:
        return replace(result, fault="killed while the machine was out of memory")
    return result


def _find(mounts: str, own: str) -> dict[str, Path]:
    """Return parents for our groups by controller: version 1; under "" that of version 2; empty if neither is
    writable."""
    paths = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    version_1: dict[str, Path] = {}
    unified: Path | None = None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        mount = Path(left.split()[4])
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2":
            unified = _inside(mount, paths.get("", "/"))
        elif kind == "cgroup":
            for controller in {"memory", "pids", "cpu", "cpuacct"} & set(options.split(",")):
                version_1[controller] = _inside(mount, paths.get(controller, "/"))
    usable = {controller: path for controller, path in version_1.items() if os.access(path, os.W_OK)}
    if {"memory", "pids"} <= usable.keys():
        return usable
    if unified is not None and os.access(unified, os.W_OK) and _enable(unified):
        return {"": unified}
    return {}


def _inside(mount: Path, path: str) -> Path:
    """Return our own group below the mount; in a container the path may not be visible, then the mount itself."""
    inside = mount / path.lstrip("/")
    return inside if inside.is_dir() else mount


def _enable(folder: Path) -> bool:
    """Enable memory and pids, and cpu if there is one, for the children.

    Refused (EBUSY) below the root while processes live in ``folder``.
    """
    control = folder / "cgroup.subtree_control"
    try:
        available = _controllers(folder / "cgroup.controllers")
        if not {"memory", "pids"} <= available:
            return False
        wanted = {"cpu", "memory", "pids"} & available
        if not wanted <= _controllers(control):
            _write(control, " ".join(f"+{controller}" for controller in sorted(wanted)))
    except OSError:
        return False
    return True


def _controllers(file: Path) -> set[str]:
    return {word.removeprefix("+") for word in file.read_text().split()}


def _sweep(parent: Path) -> None:
    """End the processes that a killed burnish left, and remove its groups."""
    for folder in parent.glob(f"{_PREFIX}*-*"):
        pid = folder.name[len(_PREFIX) :].split("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            with contextlib.suppress(OSError):
                _kill_orphans(folder)
                folder.rmdir()


def _kill_orphans(folder: Path) -> None:
    """Kill processes that no monitor waits for. A burnish outside of this pid namespace may still use the group."""
    listed = folder / "cgroup.procs"
    pids = {int(word) for word in listed.read_text().split()} - {0} if listed.exists() else set()
    for pid in pids:
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if parent not in pids and Path(f"/proc/{parent}/comm").read_text().strip() != "bwrap":
                os.kill(pid, signal.SIGKILL)


def _counter(file: Path, key: str) -> int:
    match = re.search(rf"^{key} (\d+)$", file.read_text(), re.MULTILINE)
    return int(match[1]) if match is not None else 0


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
