"""Build test programs and answers' servers with one compiler, in its sandbox.

Not covered: running them (`joined`).
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from burnish.errors import BurnishError
from burnish.fsio import digest_json
from burnish.protocols import Job, Sandbox
from burnish.records import Diagnostic, Edition, RustTests, Task
from burnish.syntax.source import function_named, parse
from burnish.verify.compiler.compile import RUN_LIMITS, Compiled, Compiler, lints_of_builds
from burnish.verify.compiler.toolchain import Toolchain, cache_folder
from burnish.verify.grader.rust_tests import plan_tests
from burnish.verify.separate.declared import Declared
from burnish.verify.separate.joined import BROKEN
from burnish.verify.separate.programs import HIDDEN, WIRE, source_of_answer, source_of_tests
from burnish.verify.separate.store import Kept, ProgramStore

_WIRE_FILES = ("lib.rs", "values.rs", "standard.rs", "waiting.rs")
MAIN = "main"
"""Name of the only test of a source whose tests are an ``fn main``."""
TESTED = "tested_"
"""Prefix of the module of one task's tests among those of others."""
_THREAD_NUMBER = re.compile(rb"(?m)^(thread '[^'\n]*') \(\d+\) panicked at ")
_SEES_NUMBERS = re.compile(r"\bprocess\b(?!::(?:Termination|ExitCode)\b)")
"""Matches tests that may see the number of their own process."""
_IN_COMPANY = re.compile(rb"\b" + TESTED.encode() + rb"\d+(::|\.rs)")


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
    as_main: bool = False
    """Whether its only test is an ``fn main``."""
    waits: bool = False
    """Whether it may be started once for several tests (`prepared.tests`)."""


@dataclass(frozen=True)
class TestSource:
    """Source of one task's test program, before it is compiled."""

    __test__ = False  # not a pytest class

    key: str
    """Digest of all that decides its program."""
    text: str
    as_main: bool
    include_ignored: bool
    waits: bool
    """Whether a process that is forked for a test is the same for it as one that is started."""
    places: Mapping[str, int]
    """Place of each test in its source, by name."""


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

    def source(self, task: Task, declared: Declared, tests: str) -> TestSource:
        """Write the test program of a task."""
        assert isinstance(task.tests, RustTests)
        text = source_of_tests(declared, tests)
        as_main = _is_main(tests)
        ignored = task.tests.include_ignored
        key = digest_json([self._digest, text, task.edition, list(task.crates), ignored, as_main])
        waits = _SEES_NUMBERS.search(text) is None
        return TestSource(key, text, as_main, ignored, waits, _places(task.tests.source, include_ignored=ignored))

    def test_program(self, task: Task, declared: Declared, source: TestSource) -> TestProgram:
        """Build the test program of a task, once for the same source; tests in the order of their source."""
        kept = self._store.get(source.key, lambda: self._make_tests(task, source))
        fault = kept.problem.startswith("infra: ")
        last = len(source.places)
        names = tuple(sorted(kept.names, key=lambda name: source.places.get(_alone(name), last)))
        return TestProgram(
            declared, kept.content, names, kept.problem, fault, kept.cpu_ms, source.as_main, source.waits
        )

    def is_built(self, source: TestSource) -> bool:
        """Return whether a source has its program, or is known to have none."""
        return self._store.holds(source.key)

    def build_tests_together(self, sources: Mapping[int, TestSource], edition: Edition) -> Compiled:
        """Build one program of several tasks' tests, all of one kind, and store it for each; messages name files."""
        wire = self._wire_library()
        if wire.reason != "ok":
            return wire
        as_main = next(iter(sources.values())).as_main
        files: dict[str, str | bytes] = {"together.rs": _root_of_tests(sources, as_main=as_main)}
        files |= {f"{TESTED}{i}.rs": source.text for i, source in sources.items()}
        files[f"lib{WIRE}.rlib"] = wire.artifact
        built = self._compiler.program_of(files, edition, [WIRE], tests=not as_main)
        if built.reason != "ok":
            return built
        names = {i: (f"{TESTED}{i}::{MAIN}",) for i in sources} if as_main else self._listed(built.artifact, sources)
        key = digest_json([self._digest, sorted(source.key for source in sources.values())])
        share = built.cpu_ms / len(sources)
        for i in [i for i in sources if names.get(i)]:
            self._store.put(key, Kept(built.artifact))
            self._store.put(sources[i].key, Kept(built.artifact, names[i], cpu_ms=share, within=key))
        return built

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

    def _make_tests(self, task: Task, source: TestSource) -> tuple[Kept, bool]:
        wire = self._wire_library()
        if wire.reason != "ok":
            return Kept(problem=f"infra: {wire.detail}"), False
        files: dict[str, str | bytes] = {"tests.rs": source.text, f"lib{WIRE}.rlib": wire.artifact}
        compiler = self._compiler.with_crates(task.crates)
        built = compiler.program_of(files, task.edition, [WIRE], tests=not source.as_main)
        if built.reason == "infra":
            return Kept(problem=f"infra: {built.detail}", cpu_ms=built.cpu_ms), False
        if built.reason != "ok":
            return Kept(problem=_first_error(built), cpu_ms=built.cpu_ms), built.reason == "compile_error"
        if source.as_main:
            return Kept(built.artifact, (MAIN,), cpu_ms=built.cpu_ms), True
        listed = self._list(built.artifact)
        ignored = () if source.include_ignored else self._list(built.artifact, "--ignored")
        if listed is None or ignored is None:
            return Kept(problem="infra: the test program does not list its tests", cpu_ms=built.cpu_ms), False
        names = tuple(name for name in listed if name not in set(ignored))
        return Kept(built.artifact, names, "" if names else "the tests hold no test function", built.cpu_ms), True

    def _listed(self, program: bytes, sources: Mapping[int, TestSource]) -> dict[int, tuple[str, ...]]:
        """List the tests of each source in a program of several."""
        listed, ignored = self._list(program), self._list(program, "--ignored")
        if listed is None or ignored is None:
            return {}
        return {
            i: tuple(
                name
                for name in listed
                if name.startswith(f"{TESTED}{i}::") and (source.include_ignored or name not in set(ignored))
            )
            for i, source in sources.items()
        }

    def _list(self, program: bytes, *words: str) -> tuple[str, ...] | None:
        """List the names of tests by running the program, which contains nothing of any answer."""
        words = (*words, "--list", "--format", "terse")
        result = self._sandbox.run(job_of(self._toolchain, program, words))
        if result.fault or result.exit_code != 0 or result.exceeded:
            return None
        lines = result.stderr.decode(errors="replace").splitlines()
        return tuple(line.removesuffix(": test") for line in lines if line.endswith(": test"))

    def _wire_library(self) -> Compiled:
        with self._wire_lock:
            if self._wire:
                return Compiled("ok", 0.0, artifact=self._wire[0])
            kept = ProgramStore(_codec_folder()).get(digest_json([self._digest, WIRE]), self._make_wire)
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


def _codec_folder() -> Path | None:
    """Return where the codec is kept, built once per machine like our parts in C."""
    with suppress(BurnishError):
        return cache_folder() / "codec"
    return None


def job_of(toolchain: Toolchain, program: bytes, words: tuple[str, ...] = (), *, waits: bool = False) -> Job:
    """Return the job that runs a program in the run stage; ``waits``: a test program."""
    name = "tests" if waits else "program"  # so that one that waits is no program that an answer left behind
    return Job(
        argv=(f"/box/{name}", *words),
        stage="run",
        limits=RUN_LIMITS,
        files={name: program},
        executables=frozenset({name}),
        read_only=toolchain.runtime,
        waits=waits,
    )


@functools.lru_cache(maxsize=256)
def _is_main(tests: str) -> bool:
    return function_named(parse(tests), MAIN) is not None


@functools.lru_cache(maxsize=256)
def _places(tests: str, *, include_ignored: bool) -> Mapping[str, int]:
    planned = plan_tests(RustTests(source=tests, include_ignored=include_ignored))
    return {f"{HIDDEN}::{function.path}": place for place, function in enumerate(planned.functions)}


def words_of(program: TestProgram, name: str) -> tuple[str, ...]:
    """Return the arguments that make a test program run one of its tests."""
    if name == MAIN:
        return ()
    if program.as_main:
        return (name,)
    return "--exact", name, "--include-ignored", "--test-threads=1"


def shown_name(name: str) -> str:
    """Return a test's name as in its source."""
    return _alone(name).removeprefix(f"{HIDDEN}::")


def as_alone(written: bytes) -> bytes:
    """Return what a test program wrote, with names as in a program of this task alone, and without thread numbers."""
    written = _IN_COMPANY.sub(lambda match: b"" if match[1] == b"::" else b"tests.rs", written)
    return _THREAD_NUMBER.sub(rb"\1 panicked at ", written)


def _alone(name: str) -> str:
    return as_alone(name.encode()).decode()


def _root_of_tests(sources: Mapping[int, TestSource], *, as_main: bool) -> str:
    modules = "".join(f"mod {TESTED}{i};\n" for i in sources)
    if not as_main:
        return modules
    arms = "".join(f'Some("{TESTED}{i}::{MAIN}") => {TESTED}{i}::main(),\n' for i in sources)
    chosen = "::std::env::args().nth(1).as_deref()"
    return f"{modules}fn main() {{ match {chosen} {{\n{arms}_ => ::std::process::exit({BROKEN}) }} }}\n"


def own_errors(built: Compiled, answer: str) -> tuple[Diagnostic, ...]:
    """Return the errors of a server's build in the answer's own lines."""
    lines = answer.count("\n") + 1
    return tuple(d for d in built.diagnostics if d.level == "error" and d.line is not None and d.line <= lines)


def _first_error(built: Compiled) -> str:
    errors = [f"{d.message} ({d.code})" if d.code else d.message for d in built.diagnostics if d.level == "error"]
    return (errors or [built.detail or built.reason])[0]
