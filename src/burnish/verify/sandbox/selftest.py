"""Test that a sandbox holds before it runs untrusted code.

A good program must compile and run, a bad one must be refused by the compiler, and each attempt of `probe.rs` must
fail: reading a file of the host, writing one, connecting to loopback, forking past the limit, twice the memory, a new
user namespace, tracing a process of the host. Attempts also run at compile time, where a file can be included. Those
are required of every sandbox. Each further layer that a sandbox claims (`layers`) is tried too, so that verdicts name
only proven layers.

Not covered: kernel flaws; one core and the end with the parent, which only the tests try.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from burnish.errors import SandboxError
from burnish.protocols import MIB, Job, JobResult, Limits, Sandbox
from burnish.verify.compiler.compile import Compiler
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.sandbox import layers

_LIMITS = Limits(cpu_s=5, wall_s=20, memory_bytes=96 * MIB, pids=16, work_bytes=16 * MIB, output_bytes=MIB)
_CANARY = "burnish-self-test-canary"


@dataclass(frozen=True)
class Finding:
    """Result of one attempt. ``ok`` when the sandbox behaved as required."""

    name: str
    ok: bool
    detail: str


def self_test(sandbox: Sandbox, toolchain: Toolchain) -> tuple[Finding, ...]:
    """Try everything; raise SandboxError when not even the good program could be built."""
    compiler = Compiler(sandbox, toolchain)
    source = Path(__file__).with_name("probe.rs").read_text()
    built = compiler.build_program(source, "2021")
    if built.reason != "ok":
        detail = built.detail or "".join(d.message for d in built.diagnostics[:1])
        raise SandboxError(
            f"the sandbox cannot compile a good program: {built.reason}: {detail}.",
            "Run burnish doctor, which shows what is missing; no untrusted program was run.",
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

        def run(*words: str, read_only: Mapping[str, Path] | None = None) -> JobResult:
            job = Job(
                argv=("/box/probe", *words),
                stage="run",
                limits=_LIMITS,
                files={"probe": built.artifact},
                executables=frozenset({"probe"}),
                read_only={**toolchain.runtime, **(read_only or {})},
            )
            return sandbox.run(job)

        good = run("good")
        fine = good.stdout == b"fine\n" and good.exit_code == 0 and not good.fault
        findings.append(Finding("a good program runs", fine, _end(good)))
        port = str(listener.getsockname()[1])
        for name, layer, words in _attempts(canary, port):
            if layer is None or layer in sandbox.layers:
                findings.append(_held(name, run(*words)))
        if layers.UID_DROP in sandbox.layers:
            guarded = outside / "guarded.txt"
            guarded.touch(0o600)
            findings.append(_held("files of root unreadable", run("read", "/guarded", read_only={"/guarded": guarded})))
        if layers.NO_USER_NAMESPACES in sandbox.layers:
            refused = sandbox.run(Job(("/usr/bin/unshare", "-U", "/bin/true"), "compile", _LIMITS))
            held = refused.exit_code != 0 and not refused.fault
            findings.append(Finding("compile time: no new user namespace", held, _end(refused)))
        if (outside / "written.txt").exists():
            findings.append(Finding("host folder unwritable", False, "a file appeared"))
    return tuple(findings)


def _attempts(canary: Path, port: str) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """Return the attempts: name, the layer that must be claimed (None: always), the probe's arguments."""
    return [
        ("host file unreadable", None, ("read", str(canary))),
        ("host folder unwritable", None, ("write", str(canary.with_name("written.txt")))),
        ("loopback unreachable", None, ("connect", port)),
        ("process limit holds", None, ("fork", str(_LIMITS.pids * 2))),
        ("memory limit holds", None, ("memory", str(_LIMITS.memory_bytes * 2))),
        ("no new user namespace", None, ("userns",)),
        ("no tracing of the host", None, ("ptrace", str(os.getpid()))),
        ("output is capped", None, ("output", str(_LIMITS.output_bytes * 4))),
        ("root folder unwritable", layers.READ_ONLY_ROOT, ("root",)),
        ("no /proc", layers.HIDDEN_PROC, ("proc",)),
        ("environment is empty", layers.EMPTY_ENVIRONMENT, ("environment",)),
        ("open files are limited", layers.RLIMITS, ("files", "300")),
        ("work folder is limited", layers.SIZED_TMPFS, ("disk", str(_LIMITS.work_bytes))),
        ("system calls are filtered", layers.SECCOMP, ("personality",)),
    ]


def require(findings: tuple[Finding, ...], claimed: tuple[str, ...]) -> None:
    """Raise SandboxError naming the first failed attempt."""
    failed = [f for f in findings if not f.ok]
    if failed:
        raise SandboxError(
            f"{claimed[0]} failed its self-test: {failed[0].name}: {failed[0].detail}.",
            "Nothing untrusted was run; burnish doctor shows every part of the test.",
        )


def _held(name: str, result: JobResult) -> Finding:
    """Return whether an attempt was denied while the program really ran: status 77, a signal, or a limit."""
    denied = result.exit_code == 77 or result.exit_code < 0 or result.exceeded != ""
    ok = not result.fault and denied and b"ESCAPED" not in result.stdout
    return Finding(name, ok, _end(result))


def _end(result: JobResult) -> str:
    stderr = result.stderr.decode(errors="replace").strip()[-200:]
    return result.fault or f"ended with {result.exit_code} {result.exceeded} {stderr}".strip()
