"""Run jobs in bubblewrap, the default sandbox, with every layer of the design.

Started as root, the program drops to an ordinary uid first (one per slot); started as an ordinary user, it stays that
user. Inside: new namespaces of every kind, no capabilities, no further user namespaces, an empty environment, a
read-only root and one size-limited tmpfs at /box (with /tmp pointing there). The compile stage sees /proc of its own
pid namespace and the system's compilers read-only; the run stage sees neither, and a system call filter.

The first process of the pid namespace is a small one of ours (`init.c`): it ends with the program, and then the kernel
ends all others before the monitor can report, so nothing survives a verdict. Below it, signals act on the program as
usual, and its exit status is reported exactly.

Not covered: a control group for an ordinary user without delegation. ``layers`` lists the active layers.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import resource
import shutil
import signal
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from burnish.errors import MissingToolError, SandboxError
from burnish.protocols import Job
from burnish.verify.compiler.native import built
from burnish.verify.sandbox import layers
from burnish.verify.sandbox.backend import RESERVED, Ended, Slot, SlotBackend, cpu_rlimit_s
from burnish.verify.sandbox.seccomp import run_stage_filter
from burnish.verify.sandbox.supervise import Running

INSTALL = "apt-get install bubblewrap"
FIRST_UID, UIDS = 64100, 1400
"""Range of uids for slots as root, which no package uses; process and slot determine the uid."""
_MINIMUM = (0, 8)  # --disable-userns, --size
_OPEN_FILES = 256
_INIT = "/init"
_REPORT = struct.Struct("=ii")
_OOM_KILLED = 128 + signal.SIGKILL
_CANNOT_START = 127
_SMALL = (
    "-DSMALL_LIBC", "-nostdlib", "-static", "-no-pie", "-ffreestanding", "-fno-stack-protector", "-U_FORTIFY_SOURCE",
)  # fmt: skip

# Files a compiler needs from the system: itself, cc with its helpers, and libraries. Links stay links.
_SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/bin", "/lib", "/lib64", "/etc/alternatives")
_FIXED = (
    "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--disable-userns",
    "--die-with-parent", "--new-session", "--clearenv", "--as-pid-1", "--hostname", "sandbox",
)  # fmt: skip


class BubblewrapSandbox(SlotBackend):
    """`protocols.Sandbox` on bubblewrap; safe to call from several threads.

    Raises MissingToolError when bwrap is not installed, SandboxError when it is too old.
    """

    more_threads = 128

    def __init__(self) -> None:
        self._bwrap, version = _find_bwrap()
        self._root = os.geteuid() == 0
        self._setpriv = _required("setpriv")
        self._prlimit = _required("prlimit")
        self._launch = _built_small("launch.c") or built(Path(__file__).with_name("launch.c"))
        self._init = _built_init()
        self._filter = run_stage_filter()
        self._system = _system()
        super().__init__()
        self._layers = layers.claimed(f"bubblewrap {version}", root=self._root, cgroup=self._cgroups.kind)

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the backend with version, then every active layer."""
        return self._layers

    @property
    def joins(self) -> bool:
        """Return True."""
        return True

    def _run_in(self, slot: Slot, job: Job) -> Ended:
        with contextlib.ExitStack() as descriptors, contextlib.ExitStack() as inherited:
            status_read, status_write = os.pipe()
            inherited.callback(os.close, status_write)
            start_read, start_write = os.pipe()
            inherited.callback(os.close, start_read)
            # Opened for writing too, so that it has no end of file: bwrap would take that as the signal to start.
            gate = os.open(f"/proc/self/fd/{start_read}", os.O_RDWR)
            inherited.callback(os.close, gate)
            passed = [status_write, gate]

            def pass_bytes(content: bytes) -> int:
                descriptor = _memory_file(content)
                descriptors.callback(os.close, descriptor)
                passed.append(descriptor)
                return descriptor

            report = pass_bytes(b"")
            collected = {name: pass_bytes(b"") for name in job.collect}
            argv = [
                *self._before(slot, job),
                self._bwrap,
                *_FIXED,
                *("--json-status-fd", str(status_write), "--block-fd", str(gate)),
                *self._mounts(job, pass_bytes),
                *("--chdir", "/box", "--"),
                *(_INIT, str(report), str(job.limits.pids if job.stage == "run" else 0), str(len(collected))),
                *(word for name, descriptor in collected.items() for word in (f"/box/{name}", str(descriptor))),
                *job.argv,
            ]
            running = Running(argv, passed, status_read, start_write, job.joint)
            inherited.close()  # so that the status file ends with the sandbox
            outcome = self._supervised(running, slot, job.limits, job.stdin, lambda pid: self._enter(slot, job, pid))
            files = {name: _read_all(fd) for name, fd in collected.items()}
            code, message = _reported(_read_all(report), job, killed=outcome.reported_exit == _OOM_KILLED)
        return Ended(outcome, code, outcome.stderr + message, files)

    def _before(self, slot: Slot, job: Job) -> list[str]:
        """Return the commands that set rlimits, then (as root) the ordinary uid.

        RLIMIT_NPROC counts per uid, over all sandboxes of that uid: root sets it only without a control group.
        """
        limits, grouped = job.limits, self._cgroups.kind != "none"
        cpu = cpu_rlimit_s(limits, counted=self._counts_cpu)
        # With a control group the group decides, and a lack of memory is recognised.
        data = limits.memory_bytes * (RESERVED if grouped else 1)
        nproc = self.most_tasks(job) + self.monitor_pids if self._root and not grouped else None
        if self._launch is not None:
            held = (self._uid(slot), cpu, data, 0, limits.work_bytes, _OPEN_FILES, nproc)
            return [str(self._launch), *("-" if descriptor is None else str(descriptor) for descriptor in held)]
        words = [
            self._prlimit, f"--cpu={cpu}:{cpu}", f"--data={data}:{data}", "--core=0:0",
            f"--fsize={limits.work_bytes}:{limits.work_bytes}", f"--nofile={_OPEN_FILES}:{_OPEN_FILES}",
        ]  # fmt: skip
        if nproc is not None:
            words.append(f"--nproc={nproc}:{nproc}")
        words += [self._setpriv, "--pdeathsig", "KILL"]  # until bwrap has set its own in the first milliseconds
        uid = self._uid(slot)
        if uid is None:
            return words
        return [*words, "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]

    def _uid(self, slot: Slot) -> int | None:
        """Return the ordinary user of a slot of root."""
        return FIRST_UID + (os.getpid() * 16 + slot.number) % UIDS if self._root else None

    def _enter(self, slot: Slot, job: Job, pid: int) -> None:
        """Set control group, core, and an ordinary user's process limit while the program waits to start.

        Without a control group that limits it to one core, a run-stage program is pinned to one.

        Set here, RLIMIT_NPROC counts in the sandbox's own user namespace (Linux 5.14 and later).
        """
        slot.group.add(pid)
        if not self._cgroups.one_core and job.stage == "run":
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(pid, {cores[slot.number % len(cores)]})
        if not self._root:
            most = self.most_tasks(job)
            resource.prlimit(pid, resource.RLIMIT_NPROC, (most, most))

    def _mounts(self, job: Job, pass_bytes: Callable[[bytes], int]) -> list[str]:
        words = ["--size", str(job.limits.work_bytes), "--tmpfs", "/box", "--symlink", "box", "/tmp", "--dir", "/dev"]
        for device in ("/dev/null", "/dev/urandom"):
            words += ["--dev-bind", device, device]
        if job.stage == "compile":
            words += ["--proc", "/proc"]
            words += ["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "TMPDIR", "/box"]
            words += self._system
        else:
            words += ["--seccomp", str(pass_bytes(self._filter))]
        for inside, outside in {_INIT: self._init, **job.read_only}.items():
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


def _system() -> list[str]:
    """Return the options that show a compiler the system's files."""
    words: list[str] = []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), name]
        elif path.exists():
            words += ["--ro-bind", name, name]
    return words


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


def _built_small(name: str) -> Path | None:
    """Build a program without glibc, whose start costs a third of a millisecond on virtual machines."""
    if platform.machine() != "x86_64":
        return None
    return built(Path(__file__).with_name(name), *_SMALL, quiet=True)


def _built_init() -> Path:
    """Build the first process, statically if the system allows it."""
    source = Path(__file__).with_name("init.c")
    made = _built_small(source.name) or built(source, "-static", quiet=True) or built(source)
    if made is None:
        raise SandboxError(
            "the first process of a sandbox cannot be built, so no program was run.",
            "Install a C compiler: apt-get install gcc libc6-dev",
        )
    return made


def _reported(report: bytes, job: Job, *, killed: bool) -> tuple[int | None, bytes]:
    """Parse the first process's report of the program's end: its code, -n for signal n, and words for standard error.

    None without a report, or if a program that is not one of the job's own files could not start: then the machine
    failed. A file of the job that cannot start is the program's fault.
    """
    if len(report) != _REPORT.size:
        return (-signal.SIGKILL if killed else None), b""
    kind, value = _REPORT.unpack(report)
    if kind == 0:
        return os.waitstatus_to_exitcode(value), b""
    words = f"cannot start {job.argv[0]}: {os.strerror(value)}\n".encode()
    own_file = job.argv[0].removeprefix("/box/") in job.executables
    return (_CANNOT_START if own_file else None), words


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
