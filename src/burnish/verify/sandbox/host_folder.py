"""Run jobs whose files are in a folder of the host, for firejail and the unsafe backend.

Neither can bind a file to another path, so the words of the command are rewritten: /box becomes the job's folder, and
bound paths become those of the host. Libraries of the run stage are found by LD_LIBRARY_PATH.

The program waits for a first line on its standard input, which comes when it is in its control group. A mark on
standard error shows that the wrapper reached the program; without it the machine failed, not the program.

Not covered: isolation.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import stat
import tempfile
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from burnish.protocols import Job, Limits
from burnish.verify.sandbox.backend import RESERVED, Ended, Slot, SlotBackend, cpu_rlimit_s, write_files
from burnish.verify.sandbox.cgroups import Cgroups
from burnish.verify.sandbox.supervise import Outcome, Running

_GATE = 'read -r go && exec "$@"'
_INSIDE = 'command -v "$1" >/dev/null && echo "$mark" >&2 && exec "$@"'
_START = ".start"
"""File of the job's folder with the command: firejail takes at most 127 words, and a linker needs more."""
_LIBRARIES = ".libraries"


@dataclass(frozen=True)
class Placed:
    """Job whose files are in a folder, and the uid to run it as (None: the caller's own)."""

    job: Job
    folder: Path
    uid: int | None


class HostedSandbox(SlotBackend):
    """Backend that starts jobs in folders of the host; safe to call from several threads."""

    monitor_pids = 8

    def __init__(self, uids: tuple[int, int] | None = None) -> None:
        """Set ``uids``, the first uid of jobs and their number; None is the caller's own."""
        super().__init__()
        self._uids = uids
        self._root = Path(tempfile.mkdtemp(prefix="burnish-jobs-"))
        self._root.chmod(0o755)

    @abstractmethod
    def _wrapped(self, placed: Placed, command: Sequence[str]) -> list[str]:
        """Return the command that isolates ``command``."""

    def close(self) -> None:
        """Kill running jobs, and remove control groups and folders."""
        super().close()
        shutil.rmtree(self._root, ignore_errors=True)

    def _run_in(self, slot: Slot, job: Job) -> Ended:
        folder = Path(tempfile.mkdtemp(dir=self._root))
        try:
            mark = os.urandom(8).hex()
            write_files(folder, job)
            _link_libraries(folder, job)
            words = shlex.join(rewritten(job, folder))
            (folder / _START).write_text(f"mark={mark}; set -- {words}\n{_INSIDE}\n")
            outcome = self._placed(slot, Placed(job, folder, self._give_away(folder, slot)), len(mark) + 1)
            files = {name: _read(folder / name) for name in job.collect}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        _, started, stderr = outcome.stderr.partition(f"{mark}\n".encode())
        return Ended(outcome, self._code(outcome) if started else None, stderr, files)

    def _code(self, outcome: Outcome) -> int:
        """Return how the program ended: its exit code, or -n for signal n."""
        return os.waitstatus_to_exitcode(outcome.status)

    def _give_away(self, folder: Path, slot: Slot) -> int | None:
        """Give the folder and its content to the uid of the job."""
        if self._uids is None:
            return None
        first, count = self._uids
        uid = first + (os.getpid() * 16 + slot.number) % count
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, uid, follow_symlinks=False)
        return uid

    def _placed(self, slot: Slot, placed: Placed, own_bytes: int) -> Outcome:
        """Run the job; ``own_bytes`` on standard error are ours."""
        job = placed.job
        argv = ["/bin/sh", "-c", _GATE, "sh", *self._wrapped(placed, ["/bin/sh", f"{placed.folder}/{_START}"])]
        status_read, status_write = os.pipe()
        unused_read, unused_write = os.pipe()
        running = Running(argv, (), status_read, unused_write)
        os.write(status_write, (json.dumps({"child-pid": running.pid}) + "\n").encode())
        os.close(status_write)
        limits = replace(job.limits, output_bytes=job.limits.output_bytes + own_bytes)
        try:
            outcome = self._supervised(running, slot, limits, b"\n" + job.stdin, slot.group.add)
        finally:
            os.close(unused_read)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(running.pid, signal.SIGKILL)
        return outcome


def rewritten(job: Job, folder: Path) -> list[str]:
    """Rewrite the command to the host's paths."""
    places = {inside: str(outside) for inside, outside in job.read_only.items()}
    return [_moved(word, {"/box": str(folder), **places}) for word in job.argv]


def libraries(job: Job) -> dict[str, Path]:
    """Return libraries of the job that the host's loader would not find, by their required names."""
    return {
        Path(inside).name: outside
        for inside, outside in job.read_only.items()
        if ".so" in Path(inside).name and not Path(inside).exists()
    }


def environment(placed: Placed) -> list[str]:
    """Return ``env`` with only what the stage needs."""
    words = ["/usr/bin/env", "-i"]
    if libraries(placed.job):
        words.append(f"LD_LIBRARY_PATH={placed.folder}/{_LIBRARIES}")
    return [*words, "PATH=/usr/bin:/bin", f"TMPDIR={placed.folder}"] if placed.job.stage == "compile" else words


def prlimit(limits: Limits, cgroups: Cgroups, *, processes: bool) -> list[str]:
    """Return the command that sets limits of the process; with ``processes``, also of its uid's processes.

    If a control group counts memory, the group decides, and a lack of memory is recognised.
    """
    cpu = cpu_rlimit_s(limits, counted=cgroups.counts_cpu)
    data = limits.memory_bytes * (RESERVED if cgroups.kind != "none" else 1)
    words = [
        "/usr/bin/prlimit", f"--cpu={cpu}:{cpu}", f"--data={data}:{data}",
        "--core=0:0", f"--fsize={limits.work_bytes}:{limits.work_bytes}", "--nofile=256:256",
    ]  # fmt: skip
    return [*words, f"--nproc={limits.pids}:{limits.pids}"] if processes else words


def _moved(word: str, places: Mapping[str, str]) -> str:
    """Replace the longest known prefix of ``word``; also behind an equals sign, as in ``--extern x=/box/y``."""
    before, equals, path = word.rpartition("=") if "=/" in word else ("", "", word)
    for inside in sorted(places, key=len, reverse=True):
        if path == inside or path.startswith(f"{inside}/"):
            return before + equals + places[inside] + path[len(inside) :]
    return word


def _link_libraries(folder: Path, job: Job) -> None:
    for name, outside in libraries(job).items():
        path = folder / _LIBRARIES / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(outside)


def _read(path: Path) -> bytes:
    """Read a file that a job left; skip links and devices, which may lead anywhere."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return Path(f"/proc/self/fd/{descriptor}").read_bytes() if regular else b""
    finally:
        os.close(descriptor)
