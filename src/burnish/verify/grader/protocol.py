"""Define how a harness reports results: lines that begin with a nonce read from standard input.

The candidate is never trusted: its exit status and its output prove nothing. A result counts when its line carries the
nonce, names each index exactly once and in order, and the end marker is the last of these lines. Values travel as hex
of their UTF-8, so no text of theirs can look like a line of the protocol.
"""

from __future__ import annotations

import secrets
import signal
from dataclasses import dataclass, field

from burnish.protocols import JobResult
from burnish.records import Reason, TestCounts
from burnish.verify.compiler.compile import ALLOCATION_FAILED

_END = "end"
_EXCEEDED: dict[str, tuple[Reason, str]] = {
    "output": ("output_limit", "the program wrote too much"),
    "size": ("output_limit", "the executable is larger than its work folder"),
    "memory": ("memory", "the program ran out of memory"),
    "cpu": ("timeout", "the program used up its CPU time"),
    "wall": ("timeout", "the program did not end in time"),
}


_ENDS: dict[int, tuple[Reason, str]] = {
    0: ("ok", ""),
    -signal.SIGSYS: ("blocked", "killed for a forbidden system call"),
    # if the machine had killed it, the sandbox would have set `fault`
    -signal.SIGKILL: ("runtime_error", "killed by itself, no limit exceeded"),
    -signal.SIGXFSZ: ("memory", "a file of its own grew beyond the work folder"),
}


def new_nonce() -> str:
    """Return sixteen random bytes as hex."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Report:
    """Report of a harness: word and payload per index; ``complete`` when every index and the end marker came."""

    results: dict[int, tuple[str, str]] = field(default_factory=dict)
    complete: bool = False
    broken: bool = False
    """Whether there are lines with the nonce that an honest harness does not write."""


def read_report(stdout: bytes, nonce: str, expected: int) -> Report:
    """Parse ``nonce INDEX WORD [HEX]`` lines and the final ``nonce end``."""
    results: dict[int, tuple[str, str]] = {}
    prefix = nonce.encode() + b" "
    ended = False
    for line in stdout.split(b"\n"):
        if not line.startswith(prefix):
            continue
        words = line[len(prefix) :].decode("ascii", errors="replace").split(" ")
        if ended:
            return Report(results, broken=True)
        if words == [_END]:
            ended = True
            continue
        if len(words) not in (2, 3) or words[0] != str(len(results)) or len(results) >= expected:
            return Report(results, broken=True)
        results[len(results)] = (words[1], words[2] if len(words) == 3 else "")
    return Report(results, complete=ended and len(results) == expected)


@dataclass(frozen=True)
class Grade:
    """Outcome of a test run."""

    reason: Reason
    tests: TestCounts
    detail: str = ""


def read_end(result: JobResult) -> tuple[Reason, str]:
    """Return how a candidate's process ended, apart from tests: ok, or the reason of its failure."""
    if result.fault:
        return "infra", result.fault
    if result.exceeded:
        return _EXCEEDED[result.exceeded]
    if result.exit_code in _ENDS:
        return _ENDS[result.exit_code]
    if result.exit_code == -signal.SIGABRT and ALLOCATION_FAILED.search(result.stderr[-4096:]):
        return "memory", "an allocation was refused"
    words = result.stderr.decode(errors="replace").strip()
    return "runtime_error", f"ended with {result.exit_code}: {words[-400:]}"
