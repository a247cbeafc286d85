"""With a layer switched off, the attempt that the layer stops gets through: else the tests would prove nothing.

Layers are switched off by editing bubblewrap's command, or by lifting a limit; nothing in the program can do that.
What runs then is our own probe or a system program, never a sample.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from burnish.protocols import Job, Limits
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.sandbox import bubblewrap
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.cgroups import Cgroups
from burnish.verify.sandbox.limits.metering import GroupMeter
from burnish.verify.sandbox.selftest import self_test
from burnish.verify.sandbox.supervise import Running

MIB = 1 << 20
LIMITS = Limits(cpu_s=1, wall_s=4, memory_bytes=256 * MIB, pids=16, work_bytes=8 * MIB, output_bytes=MIB)
AS_ROOT = os.geteuid() == 0
Edit = Callable[[list[str]], list[str]]


def without(*words: str, values: int = 0) -> Edit:
    """Take out each of ``words`` with that many words behind it."""

    def edit(argv: list[str]) -> list[str]:
        for word in words:
            found = [at for at, other in enumerate(argv) if other == word or other.startswith(f"{word}=")]
            for at in reversed(found):
                del argv[at : at + 1 + values]
        return argv

    return edit


def before(word: str, *new: str) -> Edit:
    """Put ``new`` before the first ``word``."""

    def edit(argv: list[str]) -> list[str]:
        if word in argv:
            argv[argv.index(word) : argv.index(word)] = new
        return argv

    return edit


def instead(*old: str, new: Sequence[str]) -> Edit:
    def edit(argv: list[str]) -> list[str]:
        at = next(i for i in range(len(argv)) if tuple(argv[i : i + len(old)]) == old)
        return [*argv[:at], *new, *argv[at + len(old) :]]

    return edit


_LAUNCHED = ("uid", "cpu", "data", "core", "fsize", "nofile", "nproc")
"""The launcher's words, in order; "-" leaves one alone."""


def unlimited(name: str) -> Edit:
    """One limit less, whether the launcher sets them or prlimit and setpriv do."""

    def edit(argv: list[str]) -> list[str]:
        if "prlimit" not in argv[0]:
            argv[1 + _LAUNCHED.index(name)] = "-"
            return argv
        if name == "uid":
            return without("--clear-groups")(without("--reuid", "--regid", values=1)(argv))
        return without(f"--{name}")(argv)

    return edit


def leaking_environment(argv: list[str]) -> list[str]:
    return ["/usr/bin/env", "BURNISH_LEAK=x", *without("--clearenv")(argv)]


def root_writable(argv: list[str]) -> list[str]:
    """The last --remount-ro is that of the root."""
    at = len(argv) - 1 - argv[::-1].index("--remount-ro")
    return [*argv[:at], *argv[at + 2 :]]


_ALL_BUT_NETWORK = ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup")
_MUTANTS: dict[str, tuple[Edit, set[str]]] = {
    "network namespace": (instead("--unshare-all", new=_ALL_BUT_NETWORK), {"loopback unreachable"}),
    "mount namespace": (
        instead("--symlink", "box", "/tmp", new=("--bind", tempfile.gettempdir(), "/tmp")),
        {"compile time: host file unreadable", "host file unreadable", "host folder unwritable"},
    ),
    "read-only root": (root_writable, {"root folder unwritable"}),
    "hidden /proc": (before("--seccomp", "--proc", "/proc"), {"no /proc"}),
    "user namespaces disabled": (without("--disable-userns"), {"compile time: no new user namespace"}),
    "seccomp": (without("--seccomp", values=1), {"system calls are filtered"}),
    "rlimits": (unlimited("nofile"), {"open files are limited"}),
    "size of the work folder": (without("--size", values=1), {"work folder is limited"}),
    "cleared environment": (leaking_environment, {"environment is empty"}),
}
if AS_ROOT:
    _MUTANTS["uid drop"] = (unlimited("uid"), {"files of root unreadable"})


@contextmanager
def mutant(monkeypatch: pytest.MonkeyPatch, edit: Edit) -> Iterator[BubblewrapSandbox]:
    def edited(argv: Sequence[str], *rest: Any) -> Running:
        return Running(edit(list(argv)), *rest)

    monkeypatch.setattr(bubblewrap, "Running", edited)
    sandbox = BubblewrapSandbox()
    yield sandbox
    sandbox.close()


def failing_attempts(sandbox: BubblewrapSandbox) -> set[str]:
    return {finding.name for finding in self_test(sandbox, find_toolchain()) if not finding.ok}


def unchanged(argv: list[str]) -> list[str]:
    return argv


@pytest.mark.parametrize("layer", _MUTANTS)
def test_the_self_test_fails_without_the_layer(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    edit, expected = _MUTANTS[layer]
    with mutant(monkeypatch, edit) as sandbox:
        assert failing_attempts(sandbox) == expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [("memory", "memory limit holds"), ("pids", "process limit holds")],
    ids=["memory", "pids"],
)
def test_the_self_test_fails_without_the_control_group(
    resource: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = BubblewrapSandbox._take

    def lifted(self: BubblewrapSandbox) -> Any:
        slot = take(self)
        own = type(slot.group).set_limits
        monkeypatch.setattr(
            slot.group,
            "set_limits",
            lambda memory, pids: own(
                slot.group, memory * 8 if resource == "memory" else memory, pids * 8 if resource == "pids" else pids
            ),
        )
        return slot

    monkeypatch.setattr(BubblewrapSandbox, "_take", lifted)
    if resource == "pids":
        monkeypatch.setattr("burnish.verify.sandbox.bubblewrap.resource.prlimit", lambda *_: None)

    def edit(argv: list[str]) -> list[str]:
        if resource == "memory":
            return unlimited("data")(argv)
        init = len(argv) - 1 - argv[::-1].index("/init")
        argv[init + 2] = "0"  # the first process counts none
        return unlimited("nproc")(argv)

    with mutant(monkeypatch, edit) as sandbox:
        assert failing_attempts(sandbox) == {expected}


def test_the_self_test_fails_without_the_output_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    supervise = Running.supervise
    monkeypatch.setattr(
        Running,
        "supervise",
        lambda self, stdin, limits, *rest: supervise(self, stdin, replace(limits, output_bytes=1 << 40), *rest),
    )
    with mutant(monkeypatch, unchanged) as sandbox:
        assert failing_attempts(sandbox) == {"output is capped"}


@pytest.mark.parametrize(
    ("edit", "counted", "exceeded"),
    [(unchanged, True, "cpu"), (unlimited("cpu"), True, "cpu"), (unlimited("cpu"), False, "wall")],
    ids=["both", "group alone", "none"],
)
def test_cpu_time_is_held_by_its_limit(
    edit: Edit, counted: bool, exceeded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not counted:
        monkeypatch.setattr(GroupMeter, "look", lambda _: None)
    with mutant(monkeypatch, edit) as sandbox:
        spin = Job(("/bin/sh", "-c", "while :; do :; done"), "compile", replace(LIMITS, wall_s=6))
        assert sandbox.run(spin).exceeded == exceeded


@pytest.mark.parametrize("held", [True, False], ids=["on", "off"])
def test_three_children_cannot_share_out_their_cpu_time(held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stays below the limit of a process, all together do not."""
    count = "i=0; while [ $i -lt 250000 ]; do i=$((i + 1)); done"
    script = f"for i in 1 2 3 4 5 6; do sh -c '{count}' & done; wait"
    if not held:
        monkeypatch.setattr(GroupMeter, "cpu_ms", 0.0)
    with mutant(monkeypatch, unchanged) as sandbox:
        limits = replace(LIMITS, cpu_s=0.5, wall_s=60)
        result = sandbox.run(Job(("/bin/sh", "-c", script), "compile", limits))
    assert (result.exceeded, result.exit_code == 0) == (("cpu", False) if held else ("", True))


@pytest.mark.parametrize("held", [True, False], ids=["on", "off"])
def test_the_first_process_lets_signals_act(held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the program is the first process of its namespace, and a signal to itself does nothing."""

    script = "kill -TERM $$; exit 0"

    def alone(argv: list[str]) -> list[str]:
        at = argv.index("/init", argv.index("--"))
        report = f"printf '\\0\\0\\0\\0\\0\\0\\0\\0' >/proc/self/fd/{argv[at + 1]}"
        return [*argv[:at], "/bin/sh", "-c", script.replace("exit", f"{report}; exit")]

    with mutant(monkeypatch, unchanged if held else alone) as sandbox:
        result = sandbox.run(Job(("/bin/sh", "-c", script), "compile", LIMITS))
    assert (result.exit_code, result.fault) == (-15 if held else 0, "")


@pytest.mark.parametrize("held", [True, False], ids=["on", "off"])
def test_the_pid_namespace_ends_what_the_program_left(held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, and without the emptying of the control group, a grandchild lives on."""
    name = f"29{os.getpid()}" + ("1" if held else "2")
    edit: Edit = unchanged
    if not held:
        names = ("--unshare-user", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--unshare-cgroup")
        monkeypatch.setattr(BubblewrapSandbox, "_take", _never_emptied(BubblewrapSandbox._take, monkeypatch))
        edit = instead("--unshare-all", new=names)
    with mutant(monkeypatch, lambda argv: edit(without("--as-pid-1")(argv) if not held else argv)) as sandbox:
        script = f"mkfifo p; setsid sh -c 'echo up >p; exec sleep {name}' & read up <p"
        sandbox.run(Job(("/bin/sh", "-c", script), "compile", LIMITS))
        left = with_argument(name)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        monkeypatch.undo()
    assert bool(left) is not held


def _never_emptied(take: Callable[[BubblewrapSandbox], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    def lifted(self: BubblewrapSandbox) -> Any:
        slot = take(self)
        monkeypatch.setattr(slot.group, "empty", lambda: True)
        return slot

    return lifted


def with_argument(word: str) -> list[int]:
    """Processes whose command holds ``word``."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if word.encode() in command:
                found.append(int(folder.name))
    return found


def is_running(pid: int, program: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == program
    except OSError:
        return False


_PARENT = """
import sys
from burnish.protocols import Job, Limits
from burnish.verify.sandbox import bubblewrap, supervise
drop, at_setup = {words!r}, {at_setup!r}
enter, drain = bubblewrap.BubblewrapSandbox._enter, supervise._drain
pids = []
def entered(self, slot, job, pid):
    enter(self, slot, job, pid)
    pids.append(pid)
    if at_setup:
        print(pid, flush=True)
        sys.stdin.read()
def drained(*arguments):
    print(pids[0], flush=True)
    return drain(*arguments)
bubblewrap.BubblewrapSandbox._enter = entered
supervise._drain = drained
bubblewrap.Running = lambda argv, *rest: supervise.Running([w for w in argv if w not in drop], *rest)
limits = Limits(60, 60, 1 << 28, 16, 1 << 23, 1 << 20)
job = Job(("/bin/sh", "-c", "echo up; exec sleep {name}"), "compile", limits)
sandbox = bubblewrap.BubblewrapSandbox()
if drop:
    sandbox._launch = None  # the launcher ties what it starts to the parent and takes no word for it
sandbox.run(job)
"""


def killed_parent(name: str, *, words: set[str], at_setup: bool) -> int:
    """A pidfd of the sandboxed process whose burnish was just killed."""
    script = _PARENT.format(words=words, at_setup=at_setup, name=name)
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pidfd = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    return pidfd


def ends(pidfd: int, seconds: float) -> bool:
    return bool(select.select([pidfd], [], [], seconds)[0])


@pytest.mark.parametrize("held", [True, False], ids=["on", "off"])
def test_the_sandbox_dies_with_its_parent(held: bool) -> None:
    words: set[str] = set() if held else {"--die-with-parent", "--pdeathsig", "KILL"}
    pidfd = killed_parent(f"28{os.getpid()}", words=words, at_setup=False)
    try:
        ended = ends(pidfd, 20 if held else 1)
        if not ended:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    finally:
        os.close(pidfd)
    assert ended is held


def test_a_program_whose_parent_dies_during_set_up_never_starts() -> None:
    """bwrap ties the program to its parent late, and takes the end of its gate for go: the gate must not end."""
    name = f"27{os.getpid()}"
    pidfd = killed_parent(name, words=set(), at_setup=True)
    try:
        ends(pidfd, 1)
        assert not [pid for pid in with_argument(name) if is_running(pid, "sleep")]
        if Cgroups().kind != "none":  # the next burnish ends what waits there
            assert ends(pidfd, 20)
    finally:
        if not ends(pidfd, 0):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
