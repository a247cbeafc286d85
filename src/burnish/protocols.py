"""Define the interfaces between stages: narrow protocols, each with a real part and a fake.

| protocol       | real part                           | fake                              |
| -------------- | ----------------------------------- | --------------------------------- |
| `Generator`    | `generate.transformers_engine`      | `generate.scripted`               |
| `Sandbox`      | `verify.sandbox.bubblewrap`         | `verify.sandbox.faulty`           |
| `VerdictCache` | `verify.judge.cache.SqliteVerdictCache`   | `verify.judge.cache.MemoryVerdictCache` |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Literal, Protocol

from burnish.records import Completion, Task, Verdict


class Generator(Protocol):
    """Writes completions for tasks."""

    @property
    def model_digest(self) -> str:
        """Digest of everything that decides the completions, except sampling options."""
        ...

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        """Yield completions as they are finished; each list holds all samples of the tasks it covers.

        Tasks in ``finished`` (task ids) are left out. Up to rounding, a task's completions depend only on the task, the
        seed and the options, so a resumed call writes the same as an uninterrupted one. An empty list may come first,
        when the generator is warm: times count from there.
        """
        ...


MIB = 1 << 20
"""Bytes, for limits of memory and output."""


@dataclass(frozen=True)
class Limits:
    """Limits of one sandboxed process."""

    cpu_s: float
    wall_s: float
    memory_bytes: int
    pids: int
    work_bytes: int
    """Size of the writable tmpfs at /box."""
    output_bytes: int
    """Most bytes on stdout and stderr together; more is `output_limit` and a kill."""


@dataclass(frozen=True)
class Joint:
    """Descriptors that join a process to another one, instead of ``stdin`` and the captured standard output.

    Whoever runs the job closes them, whatever becomes of it.
    """

    stdin: FileIO
    stdout: FileIO
    until: FileIO | None = None
    """The process is killed when the other end of this pipe is closed."""

    def close(self) -> None:
        """Close all of them; again does nothing."""
        for stream in (self.stdin, self.stdout, self.until):
            if stream is not None:
                stream.close()


@dataclass(frozen=True)
class Job:
    """One process to run in a sandbox.

    ``files`` are made in /box before the start (path relative to /box -> content); ``collect`` names files
    below /box to hand back; ``stage`` picks the policy: compilers get /proc and the toolchain, candidates none.
    """

    argv: tuple[str, ...]
    stage: Literal["compile", "run"]
    limits: Limits
    files: Mapping[str, bytes] = field(default_factory=dict)
    executables: frozenset[str] = frozenset()
    """Which of ``files`` get the executable bit."""
    collect: tuple[str, ...] = ()
    stdin: bytes = b""
    read_only: Mapping[str, Path] = field(default_factory=dict)
    """Further host paths to bind read-only: path inside -> path outside."""
    joint: Joint | None = None
    """The process talks to another one; backends that cannot do so raise ValueError."""
    waits: bool = False
    """The program, the file ``tests``, can wait and fork for each start, so a sandbox may keep it for the next; most
    run it as usual."""


@dataclass(frozen=True)
class JobResult:
    """Result of a sandboxed process. ``fault`` is set when the sandbox failed, not the program."""

    exit_code: int
    """Exit status; negative for death by that signal."""
    stdout: bytes
    stderr: bytes
    cpu_ms: float
    wall_ms: float
    collected: Mapping[str, bytes] = field(default_factory=dict)
    exceeded: Literal["", "cpu", "wall", "memory", "output", "size"] = ""
    """The limit that ended it; ``size`` is that of its files, which never let it start."""
    fault: str = ""
    shared: bool = False
    """True if the sandbox is kept for further jobs."""
    cut_off: bool = False
    """Killed because the process that it was joined to is gone; what it did until then is not known."""


class Sandbox(Protocol):
    """Runs one untrusted process, isolated and limited."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Backend with version, then every active layer; recorded with each verdict."""
        ...

    def run(self, job: Job) -> JobResult:
        """Run the job to its end or to a limit; never raise for the program's own failures."""
        ...


def can_join(sandbox: Sandbox) -> bool:
    """Return whether a sandbox runs jobs with a ``joint``: some have a property ``joins``, others cannot."""
    return bool(getattr(sandbox, "joins", False))


class VerdictCache(Protocol):
    """Stores verdicts by the digest of everything that decides them."""

    def get_many(self, keys: Iterable[str]) -> dict[str, Verdict]:
        """Return the known verdicts among ``keys``."""
        ...

    def put(self, key: str, verdict: Verdict) -> None:
        """Store a verdict; timeouts and infrastructure faults must not be stored."""
        ...
