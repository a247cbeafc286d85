"""Build test programs and answers' servers with one compiler, in its sandbox.

Not covered: running them (`joined`).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources

from burnish.fsio import digest_json
from burnish.protocols import Job, Sandbox
from burnish.records import Diagnostic, Edition, RustTests, Task
from burnish.syntax.source import function_named, parse
from burnish.verify.compiler.compile import RUN_LIMITS, Compiled, Compiler, lints_of_builds
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.grader.rust_tests import plan_tests
from burnish.verify.separate.declared import Declared
from burnish.verify.separate.programs import HIDDEN, WIRE, source_of_answer, source_of_tests
from burnish.verify.separate.store import Kept, ProgramStore

_WIRE_FILES = ("lib.rs", "values.rs", "standard.rs")
MAIN = "main"
"""Name of the only test of a source whose tests are an ``fn main``."""


def wire_sources() -> dict[str, str]:
    """Return the codec's files, the root first."""
    folder = resources.files("burnish.verify.separate") / "wire"
    return {name: (folder / name).read_text() for name in _WIRE_FILES}


@dataclass(frozen=True)
class TestProgram:
    """Built test program: its tests by name, or the reason why there is none."""

    __test__ = False  # not a pytest class

    declared: Declared
    executable: bytes
    tests: tuple[str, ...]
    problem: str = ""
    fault: bool = False
    """Whether the machine failed, not the program."""
    cpu_ms: float = 0.0


class Builder:
    """Build with one toolchain in one sandbox; safe to call from several threads."""

    def __init__(self, sandbox: Sandbox, toolchain: Toolchain, compiler: Compiler, store: ProgramStore) -> None:
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._compiler = compiler
        self._store = store
        self._wire: list[bytes] = []
        self._wire_lock = threading.Lock()
        self._digest = digest_json([toolchain.digest, compiler.dependencies.digest, wire_sources()])

    def test_program(self, task: Task, declared: Declared, tests: str, *, include_ignored: bool) -> TestProgram:
        """Build the test program of a task, once for the same declarations; tests in the order of their source."""
        source = source_of_tests(declared, tests)
        as_main = function_named(parse(tests), MAIN) is not None
        key = digest_json([self._digest, source, task.edition, list(task.crates), include_ignored, as_main])
        kept = self._store.get(key, lambda: self._make_tests(task, source, as_main, include_ignored))
        fault = kept.problem.startswith("infra: ")
        assert isinstance(task.tests, RustTests)
        places = {
            f"{HIDDEN}::{function.path}": place for place, function in enumerate(plan_tests(task.tests).functions)
        }
        names = tuple(sorted(kept.names, key=lambda name: places.get(name, len(places))))
        return TestProgram(declared, kept.content, names, kept.problem, fault, kept.cpu_ms)

    def server(self, task: Task, declared: Declared, answer: str) -> Compiled:
        """Build the answer's program. Errors behind the answer's last line concern the declarations, not the answer."""
        wire = self._wire_library()
        if wire.reason != "ok":
            return wire
        source = source_of_answer(declared, answer, task.edition)
        files: dict[str, str | bytes] = {"candidate.rs": source, f"lib{WIRE}.rlib": wire.artifact}
        compiler = self._compiler.with_crates(task.crates)
        built = compiler.program_of(files, task.edition, [WIRE])
        if built.reason != "ok" or not lints_of_builds(built):
            return built
        answer_alone = compiler.build_library(answer, task.edition, forbid_unsafe=False)
        cpu_ms = built.cpu_ms + answer_alone.cpu_ms
        return replace(built if answer_alone.reason == "ok" else answer_alone, cpu_ms=cpu_ms)

    def shared_server(self, files: Mapping[str, str], edition: Edition) -> Compiled:
        """Build the program of several answers, the root first; unsafe code in any is an error."""
        wire = self._wire_library()
        if wire.reason != "ok":
            return wire
        return self._compiler.build_together({**files, f"lib{WIRE}.rlib": wire.artifact}, edition, [WIRE])

    def _make_tests(self, task: Task, source: str, as_main: bool, include_ignored: bool) -> tuple[Kept, bool]:
        wire = self._wire_library()
        if wire.reason != "ok":
            return Kept(problem=f"infra: {wire.detail}"), False
        files: dict[str, str | bytes] = {"tests.rs": source, f"lib{WIRE}.rlib": wire.artifact}
        compiler = self._compiler.with_crates(task.crates)
        built = compiler.program_of(files, task.edition, [WIRE], tests=not as_main)
        if built.reason == "infra":
            return Kept(problem=f"infra: {built.detail}", cpu_ms=built.cpu_ms), False
        if built.reason != "ok":
            return Kept(problem=_first_error(built), cpu_ms=built.cpu_ms), built.reason == "compile_error"
        if as_main:
            return Kept(built.artifact, (MAIN,), cpu_ms=built.cpu_ms), True
        listed = self._list(built.artifact, "--list", "--format", "terse")
        ignored = () if include_ignored else self._list(built.artifact, "--ignored", "--list", "--format", "terse")
        if listed is None or ignored is None:
            return Kept(problem="infra: the test program does not list its tests", cpu_ms=built.cpu_ms), False
        names = tuple(name for name in listed if name not in set(ignored))
        return Kept(built.artifact, names, "" if names else "the tests hold no test function", built.cpu_ms), True

    def _list(self, program: bytes, *words: str) -> tuple[str, ...] | None:
        """List the names of tests by running the program, which contains nothing of any answer."""
        result = self._sandbox.run(job_of(self._toolchain, program, words))
        if result.fault or result.exit_code != 0 or result.exceeded:
            return None
        lines = result.stderr.decode(errors="replace").splitlines()
        return tuple(line.removesuffix(": test") for line in lines if line.endswith(": test"))

    def _wire_library(self) -> Compiled:
        with self._wire_lock:
            if self._wire:
                return Compiled("ok", 0.0, artifact=self._wire[0])
            kept = self._store.get(digest_json([self._digest, WIRE]), self._make_wire)
            if kept.problem:
                return Compiled("infra", kept.cpu_ms, detail=kept.problem)
            self._wire.append(kept.content)
            return Compiled("ok", kept.cpu_ms, artifact=kept.content)

    def _make_wire(self) -> tuple[Kept, bool]:
        made = self._compiler.library_of(wire_sources(), "2021", WIRE)
        if made.reason != "ok":
            detail = made.detail or _first_error(made)
            return Kept(problem=f"cannot compile the codec: {detail}", cpu_ms=made.cpu_ms), False
        return Kept(made.artifact, cpu_ms=made.cpu_ms), True


def job_of(toolchain: Toolchain, program: bytes, words: tuple[str, ...] = ()) -> Job:
    """Return the job that runs a program in the run stage."""
    return Job(
        argv=("/box/program", *words),
        stage="run",
        limits=RUN_LIMITS,
        files={"program": program},
        executables=frozenset({"program"}),
        read_only=toolchain.runtime,
    )


def shown_name(name: str) -> str:
    """Return a test's name as in its source."""
    return name.removeprefix(f"{HIDDEN}::")


def own_errors(built: Compiled, answer: str) -> tuple[Diagnostic, ...]:
    """Return the errors of a server's build in the answer's own lines."""
    lines = answer.count("\n") + 1
    return tuple(d for d in built.diagnostics if d.level == "error" and d.line is not None and d.line <= lines)


def _first_error(built: Compiled) -> str:
    errors = [f"{d.message} ({d.code})" if d.code else d.message for d in built.diagnostics if d.level == "error"]
    return (errors or [built.detail or built.reason])[0]
