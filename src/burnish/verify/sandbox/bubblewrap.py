"""The default sandbox: bubblewrap, with every layer of the design.

Who starts it: as root the program drops to an ordinary uid first (one per slot); as an ordinary user it stays that
user. Inside: new namespaces of every kind, no capabilities, no further user namespaces, an empty environment, a
read-only root and one size-limited tmpfs at /box (with /tmp pointing there). The compile stage sees /proc of its own
pid namespace and the system's compilers read-only; the run stage sees neither, and a system call filter.

The program is the first process of its pid namespace: when it ends, the kernel ends all others before the monitor can
report, so nothing survives a verdict. Inside, default actions of signals sent to itself do not apply (pid 1).

Not covered: a control group for an ordinary user without delegation. ``layers`` says what is active.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import resource
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from burnish.errors import MissingToolError, SandboxError
from burnish.protocols import Job, JobResult, Limits
from burnish.verify.native import built
from burnish.verify.sandbox import layers
from burnish.verify.sandbox.cgroups import Cgroups, Group, blamed, machine_oom_kills
from burnish.verify.sandbox.seccomp import run_stage_filter
from burnish.verify.sandbox.supervise import Outcome, Running

INSTALL = "apt-get install bubblewrap"
FIRST_UID, UIDS = 64100, 1400
"""As root, a slot runs as one of these uids, which no package hands out; which one follows from process and slot."""
_MINIMUM = (0, 8)  # --disable-userns, --size
_OPEN_FILES = 256
_MONITOR_PIDS = 2
_CPU_TOLERANCE = 0.5

# What a compiler needs from the system: itself, cc with its helpers, and libraries. Links stay links.
_SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/bin", "/lib", "/lib64", "/etc/alternatives")
_FIXED = (
    "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--disable-userns",
    "--die-with-parent", "--new-session", "--clearenv", "--as-pid-1", "--hostname", "sandbox",
)  # fmt: skip


@dataclass(frozen=True)
class _Slot:
    number: int
    group: Group


class BubblewrapSandbox:
    """`protocols.Sandbox` on bubblewrap; safe to call from several threads.

    Raises MissingToolError when bwrap is not installed, SandboxError when it is too old. A job that could not be set
    up or was cancelled comes back with ``fault``, never as if the program had failed.
    """

    def __init__(self) -> None:
        self._bwrap, version = _find_bwrap()
        self._root = os.geteuid() == 0
        self._setpriv = _required("setpriv")
        self._prlimit = _required("prlimit")
        self._launch = built(Path(__file__).with_name("launch.c"))
        self._cgroups = Cgroups()
        self._filter = run_stage_filter()
        self._slots: queue.LifoQueue[_Slot] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._made: list[_Slot] = []
        self._running: set[Running] = set()
        self._stopped = False
        self._layers = (
            f"bubblewrap {version}",
            layers.NAMESPACES,
            layers.NO_NETWORK,
            layers.READ_ONLY_ROOT,
            layers.HIDDEN_HOST,
            layers.HIDDEN_PROC,
            layers.UID_DROP if self._root else layers.ORDINARY_USER,
            layers.NO_USER_NAMESPACES,
            layers.NO_CGROUP if self._cgroups.kind == "none" else f"cgroup-{self._cgroups.kind}",
            layers.ONE_CORE,
            layers.RLIMITS,
            layers.SECCOMP,
            layers.SIZED_TMPFS,
            layers.OUTPUT_CAP,
            layers.EMPTY_ENVIRONMENT,
            layers.DIES_WITH_PARENT,
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """Backend with version, then every active layer."""
        return self._layers

    def run(self, job: Job) -> JobResult:
        """Run one job to its end or to a limit; ``collect`` works in the compile stage alone (ValueError otherwise)."""
        if job.collect and job.stage != "compile":
            raise ValueError("only the compile stage can hand files back")
        try:
            slot = self._take()
        except OSError as error:
            return _fault(f"no control group: {error}")
        try:
            return self._run_in(slot, job)
        except OSError as error:
            return _fault(f"{type(error).__name__}: {error}")
        finally:
            self._slots.put(slot)

    def stop(self) -> None:
        """Kill every running job, and those that start later, until `resume`; their results carry a fault."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for one in running:
            one.cancel()

    def resume(self) -> None:
        """Let jobs run again."""
        self._stopped = False

    def close(self) -> None:
        """Kill what runs and remove the control groups."""
        self.stop()
        with self._lock:
            made, self._made = self._made, []
            self._slots = queue.LifoQueue()
        for slot in made:
            slot.group.empty()
            slot.group.remove()

    def _take(self) -> _Slot:
        with contextlib.suppress(queue.Empty):
            return self._slots.get_nowait()
        with self._lock:
            number = len(self._made)
            slot = _Slot(number, self._cgroups.group())
            self._made.append(slot)
            return slot

    def _run_in(self, slot: _Slot, job: Job) -> JobResult:
        slot.group.set_limits(job.limits.memory_bytes, job.limits.pids + _MONITOR_PIDS)
        kills_before, machine_before = slot.group.oom_kills(), machine_oom_kills()
        with contextlib.ExitStack() as descriptors, contextlib.ExitStack() as inherited:
            status_read, status_write = os.pipe()
            inherited.callback(os.close, status_write)
            start_read, start_write = os.pipe()
            inherited.callback(os.close, start_read)
            # Opened for writing too, it never ends: bwrap takes an end for go, and would start a program without us.
            gate = os.open(f"/proc/self/fd/{start_read}", os.O_RDWR)
            inherited.callback(os.close, gate)
            passed = [status_write, gate]

            def pass_bytes(content: bytes) -> int:
                descriptor = _memory_file(content)
                descriptors.callback(os.close, descriptor)
                passed.append(descriptor)
                return descriptor

            collected = {name: pass_bytes(b"") for name in job.collect}
            argv = [
                *self._before(slot, job.limits),
                self._bwrap,
                *_FIXED,
                *("--json-status-fd", str(status_write), "--block-fd", str(gate)),
                *self._mounts(job, pass_bytes),
                *("--chdir", "/box", "--"),
                *_command(job.argv, collected),
            ]
            running = Running(argv, passed, status_read, start_write)
            inherited.close()  # so that the end of the sandbox is the end of the status file
            with self._lock:
                self._running.add(running)
                stopped = self._stopped
            if stopped:
                running.cancel()
            try:
                outcome = running.supervise(
                    job.stdin, job.limits.wall_s, job.limits.output_bytes, lambda pid: self._enter(slot, job, pid)
                )
            finally:
                with self._lock:
                    self._running.discard(running)
                emptied = slot.group.empty()
            files = {name: _read_all(fd) for name, fd in collected.items()}
        if not emptied:
            return _fault("a process would not die")
        result = _result(outcome, job.limits, files, slot.group.oom_kills() > kills_before)
        return blamed(result, machine_before)

    def _before(self, slot: _Slot, limits: Limits) -> list[str]:
        """Rlimits, then (as root) the ordinary uid.

        RLIMIT_NPROC counts per uid, over all sandboxes of that uid: root sets it only where no control group counts.
        """
        grouped = self._cgroups.kind != "none"
        cpu = max(1, round(limits.cpu_s))
        # With a control group the group decides, and memory that runs out is seen as such.
        data = limits.memory_bytes * (4 if grouped else 1)
        nproc = limits.pids + _MONITOR_PIDS if self._root and not grouped else None
        if self._launch is not None:
            held = (self._uid(slot), cpu, data, 0, limits.work_bytes, _OPEN_FILES, nproc)
            return [str(self._launch), *("-" if one is None else str(one) for one in held)]
        words = [
            self._prlimit, f"--cpu={cpu}:{cpu}", f"--data={data}:{data}", "--core=0:0",
            f"--fsize={limits.work_bytes}:{limits.work_bytes}", f"--nofile={_OPEN_FILES}:{_OPEN_FILES}",
        ]  # fmt: skip
        if nproc is not None:
            words.append(f"--nproc={nproc}:{nproc}")
        words += [self._setpriv, "--pdeathsig", "KILL"]  # until bwrap has set its own, in the first milliseconds
        uid = self._uid(slot)
        if uid is None:
            return words
        return [*words, "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]

    def _uid(self, slot: _Slot) -> int | None:
        """The ordinary user that a slot of root's runs as."""
        return FIRST_UID + (os.getpid() * 16 + slot.number) % UIDS if self._root else None

    def _enter(self, slot: _Slot, job: Job, pid: int) -> None:
        """Called while the program waits to start: control group, one core, and the process limit of an ordinary user.

        Where no control group holds it to one core, a program that runs is pinned to one.

        Set here, RLIMIT_NPROC counts in the sandbox's own user namespace (Linux 5.14 and later).
        """
        slot.group.add(pid)
        if not self._cgroups.one_core and job.stage == "run":
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(pid, {cores[slot.number % len(cores)]})
        if not self._root:
            resource.prlimit(pid, resource.RLIMIT_NPROC, (job.limits.pids, job.limits.pids))

    def _mounts(self, job: Job, pass_bytes: Callable[[bytes], int]) -> list[str]:
        words = ["--size", str(job.limits.work_bytes), "--tmpfs", "/box", "--symlink", "box", "/tmp", "--dir", "/dev"]
        for device in ("/dev/null", "/dev/urandom"):
            words += ["--dev-bind", device, device]
        if job.stage == "compile":
            words += ["--proc", "/proc"]
            words += ["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "TMPDIR", "/box"]
            for name in _SYSTEM:
                path = Path(name)
                if path.is_symlink():
                    words += ["--symlink", str(path.readlink()), name]
                elif path.exists():
                    words += ["--ro-bind", name, name]
        else:
            words += ["--seccomp", str(pass_bytes(self._filter))]
        for inside, outside in job.read_only.items():
            words += ["--ro-bind", str(outside), inside]
        folders: set[str] = set()
        for name, content in job.files.items():
            for parent in reversed(Path(name).parents[:-1]):
                if str(parent) not in folders:
                    folders.add(str(parent))
                    words += ["--dir", f"/box/{parent}"]
            mode = "0755" if name in job.executables else "0644"
            words += ["--perms", mode, "--file", str(pass_bytes(content)), f"/box/{name}"]
        return [*words, "--remount-ro", "/"]


def _find_bwrap() -> tuple[str, str]:
    path = shutil.which("bwrap")
    if path is None:
        raise MissingToolError(
            "bubblewrap is not installed, and untrusted code never runs without a sandbox.", f"Install it: {INSTALL}"
        )
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=30)
    version = re.search(r"(\d+)\.(\d+)[.\d]*", answer.stdout)
    if version is None:
        raise SandboxError(f"{path} --version says {answer.stdout.strip()!r}.", f"Install it again: {INSTALL}")
    if (int(version[1]), int(version[2])) < _MINIMUM:
        raise SandboxError(
            f"bubblewrap {version[0]} is too old (0.8 or later is needed: --disable-userns, --size).",
            f"Install a newer one: {INSTALL}",
        )
    return path, version[0]


def _required(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        raise MissingToolError(
            f"{tool} is not installed; the sandbox needs it.", "Install it: apt-get install util-linux"
        )
    return path


def _command(argv: Sequence[str], collected: dict[str, int]) -> list[str]:
    """The program itself, or a shell that runs it and then copies the collected files to their descriptors."""
    if not collected:
        return list(argv)
    copies = "; ".join(
        f"[ -f /box/{shlex.quote(name)} ] && cat /box/{shlex.quote(name)} >/proc/self/fd/{fd}"
        for name, fd in collected.items()
    )
    return ["/bin/sh", "-c", f'"$@"; status=$?; {copies}; exit $status', "sh", *argv]


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("burnish")
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _read_all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0) if size else b""


def _fault(cause: str) -> JobResult:
    return JobResult(exit_code=0, stdout=b"", stderr=b"", cpu_ms=0.0, wall_ms=0.0, fault=cause)


def _result(outcome: Outcome, limits: Limits, files: dict[str, bytes], killed_for_memory: bool) -> JobResult:
    fault = ""
    exit_code = outcome.reported_exit if outcome.reported_exit is not None else 0
    if exit_code > 128:
        exit_code = 128 - exit_code  # bwrap reports death by signal n as 128 + n
    if outcome.cancelled:
        fault = "cancelled"
    elif outcome.exceeded:
        exit_code = -signal.SIGKILL
    elif outcome.reported_exit is None:
        message = outcome.stderr.decode(errors="replace").strip().splitlines()
        fault = f"the sandbox did not start: {message[-1] if message else f'wait status {outcome.status}'}"
    return JobResult(
        exit_code=exit_code,
        stdout=outcome.stdout,
        stderr=outcome.stderr,
        cpu_ms=outcome.cpu_ms,
        wall_ms=outcome.wall_ms,
        collected=files,
        exceeded=_exceeded(outcome, limits, exit_code, killed_for_memory),
        fault=fault,
    )


def _exceeded(
    outcome: Outcome, limits: Limits, exit_code: int, killed_for_memory: bool
) -> Literal["", "cpu", "wall", "memory", "output"]:
    if outcome.exceeded:
        return outcome.exceeded
    if killed_for_memory and exit_code != 0:
        return "memory"
    killed = exit_code in (-signal.SIGKILL, -signal.SIGXCPU)
    # The kernel enforces RLIMIT_CPU on sampled ticks and reports precise time: under load the two differ widely.
    return "cpu" if killed and outcome.cpu_ms >= limits.cpu_s * 1000 * _CPU_TOLERANCE else ""
