from __future__ import annotations

import json
import platform
import struct

import pytest

from burnish.errors import SandboxError
from burnish.verify.sandbox.seccomp import docker_profile, killed_names, run_stage_filter

KILL, ALLOW, ENOSYS, NO_LOCKS = 0x80000000, 0x7FFF0000, 0x00050000 | 38, 0x00050000 | 37


def decide(program: bytes, number: int, architecture: int = 0xC000003E, argument: int = 0, second: int = 0) -> int:
    """Run the filter as the kernel does, on one system call."""
    memory = {0: number, 4: architecture, 16: argument, 24: second}
    operations = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = operations[at]
        at += 1
        if code == 0x20:
            accumulator = memory[value]
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += if_true if holds else if_false


@pytest.mark.parametrize(
    ("number", "argument", "answer"),
    [
        (0, 0, ALLOW),  # read
        (60, 0, ALLOW),  # exit
        (101, 0, KILL),  # ptrace
        (272, 0x10000000, KILL),  # unshare
        (425, 0, KILL),  # io_uring_setup
        (435, 0, ENOSYS),  # clone3
        (56, 0x003D0F00, ALLOW),  # clone of a thread
        (56, 0x10000000 | 17, KILL),  # clone with a new user namespace
        (41, 1, ALLOW),  # socket AF_UNIX
        (41, 10, ALLOW),  # socket AF_INET6
        (41, 40, KILL),  # socket AF_VSOCK
        (41, 16, KILL),  # socket AF_NETLINK
        (0x40000000, 0, KILL),  # x32
    ],
)
def test_seccomp_decides_each_call_on_x86_64(
    monkeypatch: pytest.MonkeyPatch, number: int, argument: int, answer: int
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert decide(run_stage_filter(), number, argument=argument) == answer


@pytest.mark.parametrize(
    ("number", "command", "answer"),
    [(73, 0, NO_LOCKS), (72, 6, NO_LOCKS), (72, 38, NO_LOCKS), (72, 1024, NO_LOCKS), (72, 1, ALLOW), (72, 4, ALLOW)],
    ids=["flock", "F_SETLK", "F_OFD_SETLKW", "F_SETLEASE", "F_GETFD", "F_SETFL"],
)
def test_no_lock_is_given_and_other_commands_are(
    monkeypatch: pytest.MonkeyPatch, number: int, command: int, answer: int
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert decide(run_stage_filter(), number, second=command) == answer


def test_a_foreign_architecture_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert decide(run_stage_filter(), 0, architecture=0x40000003) == KILL
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert decide(run_stage_filter(), 117, architecture=0xC00000B7) == KILL
    assert decide(run_stage_filter(), 63, architecture=0xC00000B7) == ALLOW


def test_an_unknown_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    with pytest.raises(SandboxError, match="pdp11"):
        run_stage_filter()


def test_dockers_profile_kills_what_firejail_is_told_to_kill() -> None:
    profile = json.dumps(docker_profile())
    assert len(killed_names()) > 20
    assert [name for name in ("ptrace", "io_uring_setup", "personality") if f'"{name}"' not in profile] == []
    assert {"ptrace", "io_uring_setup"} <= set(killed_names())
