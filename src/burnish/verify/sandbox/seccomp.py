"""Build the system call filter of the run stage, as classic BPF (seccomp(2), linux/filter.h).

A program on the KILL list dies with SIGSYS, which the verifier reports as ``blocked``. The list holds calls that a
small program never needs and an escape often does: namespaces, mounts, tracing, kernel keys, BPF, io_uring, modules,
clocks. ``sched_setaffinity`` answers EPERM: a program stays on its core. ``clone3`` answers ENOSYS because its flags
are in memory that a filter cannot read; libc then takes ``clone``, whose flags can be read. Locks on files answer
ENOLCK: devices and libraries are the host's own files, and a lock on one would affect every sandbox. ``socket`` allows
UNIX and IP families alone: AF_VSOCK is not confined by a network namespace. The list of killed calls is given to docker
and firejail by name; firejail knows no locks.

Not covered: file access and signals, which the namespaces confine.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import Any

from burnish.errors import SandboxError

# name -> (x86_64, aarch64); None without such a call. Source: asm/unistd_64.h, asm-generic/unistd.h.
_KILLED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "syslog": (103, 116),
    "personality": (135, 92),
    "pivot_root": (155, 41),
    "adjtimex": (159, 171),
    "chroot": (161, 51),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "mount": (165, 40),
    "umount2": (166, 39),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "iopl": (172, None),
    "ioperm": (173, None),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "lookup_dcookie": (212, 18),
    "clock_settime": (227, 112),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "perf_event_open": (298, 241),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "clock_adjtime": (305, 266),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "finit_module": (313, 273),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "mount_setattr": (442, 442),
}
_STARTS: dict[str, tuple[int | None, int | None]] = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
}
_CLONE3 = 435
_CLONE_THREAD = 0x00010000
_SET_AFFINITY = (203, 122)
_LOCKS = (73, 32)
"""flock."""
_CONTROL = (72, 25)
_LOCK_COMMANDS = (6, 7, 37, 38, 1024)
"""Of fcntl: F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE."""
_ARCHITECTURES = {
    # machine -> (AUDIT_ARCH, column of _KILLED, clone, socket)
    "x86_64": (0xC000003E, 0, 56, 41),
    "aarch64": (0xC00000B7, 1, 220, 198),
}
_X32_BIT = 0x40000000
# CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
_NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_ALLOWED_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENT_0, _OFFSET_ARGUMENT_1 = 0, 4, 16, 24
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000


def run_stage_filter() -> bytes:
    """Return the filter for this machine, in the form that ``bwrap --seccomp`` reads; raise SandboxError elsewhere."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise SandboxError(
            f"no system call filter for the architecture {machine}",
            f"Run on one of {', '.join(sorted(_ARCHITECTURES))}; no program was run.",
        )
    audit, column, clone, socket = _ARCHITECTURES[machine]
    program = _begin(audit)
    if machine == "x86_64":
        program += _when(_AT_LEAST, _X32_BIT, [_op(_RETURN, _KILL)])
    program += _killing(_KILLED, column)
    program += _when(_EQUAL, _SET_AFFINITY[column], [_op(_RETURN, _ERRNO | errno.EPERM)])
    program += _when(_EQUAL, _LOCKS[column], [_op(_RETURN, _ERRNO | errno.ENOLCK)])
    commands: list[bytes] = [_op(_LOAD, _OFFSET_ARGUMENT_1)]
    for command in _LOCK_COMMANDS:
        commands += _when(_EQUAL, command, [_op(_RETURN, _ERRNO | errno.ENOLCK)])
    program += _when(_EQUAL, _CONTROL[column], [*commands, _op(_RETURN, _ALLOW)])
    program += _when(_EQUAL, _CLONE3, [_op(_RETURN, _ERRNO | errno.ENOSYS)])
    program += _when(
        _EQUAL,
        clone,
        [
            _op(_LOAD, _OFFSET_ARGUMENT_0),
            *_when(_ANY_BIT, _NEW_NAMESPACES, [_op(_RETURN, _KILL)]),
            _op(_RETURN, _ALLOW),
        ],
    )
    families: list[bytes] = [_op(_LOAD, _OFFSET_ARGUMENT_0)]
    for family in _ALLOWED_FAMILIES:
        families += _when(_EQUAL, family, [_op(_RETURN, _ALLOW)])
    program += _when(_EQUAL, socket, [*families, _op(_RETURN, _KILL)])
    program.append(_op(_RETURN, _ALLOW))
    return b"".join(program)


def no_programs_filter() -> bytes:
    """Return the filter that a program with its own tests installs: no other program, no fork.

    Threads are made by ``clone`` with CLONE_THREAD; ``clone3`` gets ENOSYS here too.
    """
    audit, column, clone, _ = _ARCHITECTURES[platform.machine()]
    program = _begin(audit)
    program += _killing(_STARTS, column)
    program += _when(_EQUAL, _CLONE3, [_op(_RETURN, _ERRNO | errno.ENOSYS)])
    threads = [_op(_LOAD, _OFFSET_ARGUMENT_0), *_when(_ANY_BIT, _CLONE_THREAD, [_op(_RETURN, _ALLOW)])]
    program += _when(_EQUAL, clone, [*threads, _op(_RETURN, _KILL)])
    program.append(_op(_RETURN, _ALLOW))
    return b"".join(program)


def _begin(audit: int) -> list[bytes]:
    """Kill calls of another architecture, then load the number of the call."""
    begin = [_op(_LOAD, _OFFSET_ARCHITECTURE), *_when(_EQUAL, audit, [], otherwise_skip=1)]
    return [*begin, _op(_RETURN, _KILL), _op(_LOAD, _OFFSET_NUMBER)]


def _killing(calls: dict[str, tuple[int | None, int | None]], column: int) -> list[bytes]:
    present = (number for numbers in calls.values() if (number := numbers[column]) is not None)
    return [operation for number in present for operation in _when(_EQUAL, number, [_op(_RETURN, _KILL)])]


def killed_names() -> tuple[str, ...]:
    """Return the names of killed calls, for backends that build a filter themselves."""
    return tuple(_KILLED)


def docker_profile() -> dict[str, Any]:
    """Return the same filter in docker's format."""
    first = {"index": 0, "valueTwo": 0}
    namespaces = [
        {"names": ["clone"], "args": [{**first, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}]}
        for flag in (1 << bit for bit in range(32) if _NEW_NAMESPACES >> bit & 1)
    ]
    kill = "SCMP_ACT_KILL_PROCESS"
    above = {"names": ["socket"], "args": [{**first, "value": max(_ALLOWED_FAMILIES), "op": "SCMP_CMP_GT"}]}
    between = [
        {"names": ["socket"], "args": [{**first, "value": family, "op": "SCMP_CMP_EQ"}]}
        for family in range(max(_ALLOWED_FAMILIES))
        if family not in _ALLOWED_FAMILIES
    ]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {"names": list(_KILLED), "action": kill, "args": []},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS, "args": []},
            {"names": ["sched_setaffinity"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM, "args": []},
            {"names": ["flock"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOLCK, "args": []},
            *(
                {
                    "names": ["fcntl"],
                    "action": "SCMP_ACT_ERRNO",
                    "errnoRet": errno.ENOLCK,
                    "args": [{"index": 1, "value": command, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
                }
                for command in _LOCK_COMMANDS
            ),
            *({**rule, "action": kill} for rule in (*namespaces, above, *between)),
        ],
    }


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _when(test: int, value: int, body: list[bytes], otherwise_skip: int | None = None) -> list[bytes]:
    """Run ``body`` if the test holds; ``otherwise_skip`` is a test that jumps over that many if it holds."""
    if otherwise_skip is not None:
        return [_op(test, value, if_true=otherwise_skip, if_false=0)]
    return [_op(test, value, if_true=0, if_false=len(body)), *body]
