"""Proves that a sandbox holds before anything untrusted enters it.

A good program must compile and run, a bad one must be refused by the compiler, and each attempt of `probe.rs` must
fail: reading a file of the host, writing one, connecting to loopback, forking past the limit, twice the memory, a new
user namespace, tracing a process of the host. Attempts also run at compile time, where a file can be included.

Not covered: what a kernel flaw would allow.
"""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from burnish.errors import SandboxError
from burnish.protocols import Job, JobResult, Limits, Sandbox
from burnish.verify.compile import MIB, Compiler
from burnish.verify.toolchain import Toolchain

_LIMITS = Limits(cpu_s=5, wall_s=20, memory_bytes=96 * MIB, pids=16, work_bytes=16 * MIB, output_bytes=MIB)
_CANARY = "burnish-self-test-canary"


@dataclass(frozen=True)
class Finding:
    """One thing tried. ``ok`` when the sandbox did what it must."""

    name: str
    ok: bool
    detail: str


def self_test(sandbox: Sandbox, toolchain: Toolchain) -> tuple[Finding, ...]:
    """Try everything; raises SandboxError when not even the good program could be built."""
    compiler = Compiler(sandbox, toolchain)
    source = Path(__file__).with_name("probe.rs").read_text()
    built = compiler.build_program(source, "2021")
    if built.reason != "ok":
        said = built.detail or "".join(d.message for d in built.diagnostics[:1])
        raise SandboxError(
            f"the sandbox cannot compile a good program: {built.reason}: {said}.",
            "Run burnish doctor, which shows what is missing; nothing untrusted was run.",
        )
    findings = [Finding("a good program compiles", True, "")]
    bad = compiler.check('fn main() { let n: i32 = ""; }', "2021", "bin", reachable=False)
    findings.append(Finding("a bad program is refused", "E0308" in bad.codes, f"{bad.reason} {bad.detail}"))
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        outside = Path(folder)
        outside.chmod(0o777)
        canary = outside / "canary.txt"
        canary.write_text(_CANARY)
        canary.chmod(0o644)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        included = compiler.check(f'const S: &str = include_str!("{canary}");', "2021", "lib", reachable=True)
        findings.append(
            Finding("compile time: host file unreadable", included.reason == "compile_error", included.reason)
        )

        def run(*words: str) -> JobResult:
            job = Job(
                argv=("/work/probe", *words),
                stage="run",
                limits=_LIMITS,
                files={"probe": built.artifact},
                executables=frozenset({"probe"}),
                read_only=toolchain.runtime,
            )
            return sandbox.run(job)

        good = run("good")
        findings.append(
            Finding(
                "a good program runs", good.stdout == b"fine\n" and good.exit_code == 0 and not good.fault, _end(good)
            )
        )
        attempts = {
            "host file unreadable": ("read", str(canary)),
            "host folder unwritable": ("write", str(outside / "written.txt")),
            "loopback unreachable": ("connect", str(listener.getsockname()[1])),
            "process limit holds": ("fork", str(_LIMITS.pids * 2)),
            "memory limit holds": ("memory", str(_LIMITS.memory_bytes * 2)),
            "no new user namespace": ("userns",),
            "no tracing of the host": ("ptrace", str(os.getpid())),
        }
        findings += [_held(name, run(*words)) for name, words in attempts.items()]
        if (outside / "written.txt").exists():
            findings.append(Finding("host folder unwritable", False, "a file appeared"))
    return tuple(findings)


def require(findings: tuple[Finding, ...], layers: tuple[str, ...]) -> None:
    """Raises SandboxError naming the first thing that failed."""
    failed = [f for f in findings if not f.ok]
    if failed:
        raise SandboxError(
            f"{layers[0]} failed its self-test: {failed[0].name}: {failed[0].detail}.",
            "Nothing untrusted was run; burnish doctor shows every part of the test.",
        )


def _held(name: str, result: JobResult) -> Finding:
    """An attempt counts as denied only when the program really ran: status 77, a signal, or a limit."""
    denied = result.exit_code == 77 or result.exit_code < 0 or result.exceeded != ""
    ok = not result.fault and denied and b"ESCAPED" not in result.stdout
    return Finding(name, ok, _end(result))


def _end(result: JobResult) -> str:
    said = result.stderr.decode(errors="replace").strip()[-200:]
    return result.fault or f"ended with {result.exit_code} {result.exceeded} {said}".strip()
