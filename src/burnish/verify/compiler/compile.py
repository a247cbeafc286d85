"""The compiler's side of a verdict: one clippy-driver pass to check, rustc to build; always inside the sandbox.

How an end is read: status 0 is good; 1 with a JSON error is a compile error; 101 or a signal is a crash of the
compiler, a kind of compile error, unless it says that it ran out of memory or of its work folder, which are limits;
anything else is a fault of the machine, never of the program.

One program: a source whose ``cfg`` can tell the linter from the compiler is linted as the compiler sees it, and plain
rustc decides whether it compiles (`compiler_view`).

External crates come from a dependency set; `Compiler.with_crates` opens some of them to a program.

Not covered: several programs per crate.
"""

from __future__ import annotations

import copy
import json
import re
import signal
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from burnish.protocols import MIB, Job, JobResult, Limits, Sandbox
from burnish.records import CrateType, Diagnostic, Edition, Reason
from burnish.verify.compiler import compiler_view
from burnish.verify.compiler import fixed_random as entropy
from burnish.verify.compiler.dependency_set import DependencySet
from burnish.verify.compiler.diagnostics import read_diagnostics
from burnish.verify.compiler.toolchain import Toolchain

COMPILE_LIMITS = Limits(
    cpu_s=10, wall_s=20, memory_bytes=2048 * MIB, pids=64, work_bytes=256 * MIB, output_bytes=2 * MIB
)
RUN_LIMITS = Limits(cpu_s=5, wall_s=15, memory_bytes=512 * MIB, pids=192, work_bytes=64 * MIB, output_bytes=2 * MIB)
_DEFAULT_WARNINGS = (
    "deprecated", "irrefutable_let_patterns", "map_unit_fn", "nonstandard_style", "path_statements",
    "redundant_semicolons", "unconditional_recursion", "unreachable_code", "unreachable_patterns", "unused_allocation",
    "unused_assignments", "unused_attributes", "unused_braces", "unused_doc_comments", "unused_imports",
    "unused_labels", "unused_macros", "unused_must_use", "unused_mut", "unused_parens", "unused_unsafe",
    "unused_variables", "while_true",
)  # fmt: skip
LINTS = ("-W", "clippy::all", "--force-warn", "clippy::all", *(f"--force-warn={n}" for n in _DEFAULT_WARNINGS))
"""Clippy's default groups beside the compiler's own warnings. Forced: ``#![allow(..)]`` in a program hides none of
them, and none of them decides whether it compiles."""
_UNUSED_ITEMS = ("--force-warn=dead_code",)
_OWN_LEVELS = re.compile(r"\b(deny|forbid)\b")
"""A program that may turn warnings into errors: forcing undoes that, so rustc is asked whether it compiles."""
_NAMES_FILES = re.compile(r"\binclude|\bpath\b")
"""A program that may read files while it is compiled; even the order of variables in /proc/self/environ would tell it
whether its compiler was started to check or to build."""
ALLOCATION_FAILED = re.compile(rb"memory allocation of \d+ bytes failed")
"""What the standard library says before it aborts."""
_EXCEEDED: dict[str, tuple[Reason, str]] = {
    "output": ("output_limit", "the compiler wrote too much"),
    "size": ("output_limit", "its files are larger than the work folder"),
    "memory": ("memory", "the compiler ran out of memory"),
    "cpu": ("timeout", "the compiler exceeded its cpu time"),
    "wall": ("timeout", "the compiler exceeded its wall time"),
}
_NO_SPACE = (b"No space left on device", b"File too large", b"SIGBUS")
"""The last is how a linker ends that writes to a mapped file."""
_CLIPPY_ALONE = frozenset({"E0716"})
_BUILD_LINTS = frozenset({"arithmetic_overflow", "unconditional_panic"})
"""Lints of rustc's KnownPanicsLint, which runs only when code will be generated: no check reports them."""
_QUIET = ("--cap-lints", "allow", *(f"--force-warn={name}" for name in sorted(_BUILD_LINTS)))
"""What was made visible for tests is no new reason for a lint that the program turns into an error."""
CRATE = "submission"
"""Name of the candidate's crate when tests are linked against it."""

_BUILD = ("-C", "debuginfo=0", "-C", "opt-level=0", "-C", "codegen-units=1", "--error-format=json")
_PROGRAM = "program"
"""Name of an executable."""
_DYNAMIC = ("-C", "prefer-dynamic")
"""Linking std as a shared object saves a fifth of a build's CPU."""


def lints_of_builds(built: Compiled) -> bool:
    """Whether a lint fired that is an error unless the program allows it, and that no check reports."""
    return bool(_BUILD_LINTS & {*built.codes, *built.lints})


@dataclass(frozen=True)
class Compiled:
    """How a compilation ended. ``reason`` is ok, compile_error, timeout, memory, output_limit or infra."""

    reason: Reason
    cpu_ms: float
    diagnostics: tuple[Diagnostic, ...] = ()
    lints: tuple[str, ...] = ()
    codes: frozenset[str | None] = frozenset()
    artifact: bytes = b""
    detail: str = ""
    crashed: bool = False
    """The compiler broke down, twice in a row."""
    stderr: bytes = b""
    """All that the compiler wrote, one JSON object per line."""
    shared: bool = False
    """Other candidates' programs were compiled in the same sandbox."""


class Compiler:
    """Runs one toolchain in one sandbox."""

    def __init__(self, sandbox: Sandbox, toolchain: Toolchain, dependencies: DependencySet | None = None) -> None:
        self._sandbox = sandbox
        self.dependencies = dependencies or DependencySet()
        """The crates that programs may ask for."""
        self._crates: Sequence[str] = ()
        self._toolchain = toolchain
        self._entropy: list[bytes] = []  # one, once it is compiled; shared by compilers with other crates
        self._entropy_lock = threading.Lock()

    def with_crates(self, crates: Sequence[str]) -> Compiler:
        """A compiler that hands these crates of the set to every compilation; this one when there are none."""
        if not crates:
            return self
        other = copy.copy(self)
        other._crates = crates
        return other

    def check(self, code: str, edition: Edition, crate_type: CrateType, *, reachable: bool) -> Compiled:
        """Compile verdict, error codes and lints in one pass, without code generation.

        ``reachable`` says that tests will call the items, so that an unused one is no lint.
        """
        plain = ["--crate-type", crate_type, "--emit=metadata", "-o", "candidate.rmeta", "--error-format=json"]
        has_levels = _OWN_LEVELS.search(code) is not None
        linting = [*plain, *LINTS, *(_UNUSED_ITEMS if has_levels or not reachable else ("-A", "dead_code"))]
        tells = compiler_view.tells_the_linter(code)
        linted = compiler_view.as_compiled(code) if tells else code
        linting += compiler_view.ARGUMENTS if tells else ()
        checked = self._compile(self._toolchain.clippy, {"candidate.rs": linted}, edition, linting, None)
        if checked.codes and all(str(code).startswith("clippy::") for code in checked.codes):
            capped = self._compile(
                self._toolchain.clippy, {"candidate.rs": linted}, edition, [*linting, "--cap-lints", "warn"], None
            )
            checked = replace(capped, cpu_ms=checked.cpu_ms + capped.cpu_ms)
        if reachable and has_levels:  # what the tests alone use is not dead
            kept = tuple(d for d in checked.diagnostics if d.code != "dead_code")
            checked = replace(checked, diagnostics=kept, lints=tuple(x for x in checked.lints if x != "dead_code"))
            plain += _UNUSED_ITEMS
        # clippy-driver turns off the flattening of format_args!, so a temporary may die earlier for it than for rustc
        refused_by_clippy_alone = checked.codes == _CLIPPY_ALONE
        if not (refused_by_clippy_alone or tells) and (checked.reason != "ok" or not has_levels):
            return checked
        asked = self._compile(self._toolchain.rustc, {"candidate.rs": code}, edition, plain, None)
        believed = asked if refused_by_clippy_alone or asked.reason != "ok" else checked
        if tells and asked.reason == "ok" and (checked.reason != "ok" or compiler_view.may_deceive(code)):
            believed = replace(asked, lints=(*checked.lints, compiler_view.UNSEEN))
        return replace(believed, cpu_ms=checked.cpu_ms + asked.cpu_ms, shared=checked.shared or asked.shared)

    def build_program(self, code: str, edition: Edition) -> Compiled:
        """An executable of a program with ``fn main``."""
        arguments = ["--crate-type", "bin", "-A", "warnings", *_BUILD, *_DYNAMIC, "-o", _PROGRAM]
        return self._link({"candidate.rs": code}, edition, arguments)

    def check_and_build(self, code: str, edition: Edition) -> Compiled | None:
        """What `check` says of a program, with its executable when there is nothing against it, from one pass.

        None where one pass cannot tell: a program that sets lint levels, names files or tells the linter from the
        compiler, a limit, a crash, a build that fails after its check, lints that run with code generation alone. The
        linter keeps the least optimised form, so the executable uses more time and stack.
        """
        if _OWN_LEVELS.search(code) or _NAMES_FILES.search(code) or compiler_view.tells_the_linter(code):
            return None
        arguments = ["--crate-type", "bin", *LINTS, *_UNUSED_ITEMS, *_BUILD, *_DYNAMIC]
        arguments += [f"--emit=metadata=candidate.rmeta,link={_PROGRAM}", "--json=artifacts"]
        built = self._link({"candidate.rs": code}, edition, arguments, self._toolchain.clippy)
        if _BUILD_LINTS & {*built.codes, *built.lints}:
            return None
        if built.reason == "compile_error":
            told = not built.crashed and built.codes != _CLIPPY_ALONE and not _has_metadata(built.stderr)
            return built if told else None
        return built if built.reason == "ok" else None

    def build_library(
        self, code: str, edition: Edition, *, forbid_unsafe: bool, beside: Mapping[str, str] | None = None
    ) -> Compiled:
        """The candidate as a crate of its own, without ``cfg(test)``; ``beside`` are files of further modules."""
        name = f"lib{CRATE}.rlib"
        arguments = ["--crate-type", "rlib", "--crate-name", CRATE, "-A", "warnings", *_BUILD, "-o", name]
        files = {"candidate.rs": code, **(beside or {})}
        if forbid_unsafe:
            return self._compile(self._toolchain.rustc, files, edition, [*arguments, "-F", "unsafe_code"], name)
        quiet = self._compile(self._toolchain.rustc, files, edition, [*arguments, *_QUIET], name)
        if not _BUILD_LINTS & {*quiet.codes, *quiet.lints}:
            return quiet
        loud = self._compile(self._toolchain.rustc, files, edition, arguments, name)
        return replace(loud, cpu_ms=quiet.cpu_ms + loud.cpu_ms, shared=quiet.shared or loud.shared)

    def build_harness(self, source: str, library: bytes, edition: Edition) -> Compiled:
        """An executable that calls the candidate's crate."""
        name = f"lib{CRATE}.rlib"
        arguments = ["--crate-type", "bin", "-A", "warnings", *_BUILD, *_DYNAMIC, "-o", _PROGRAM]
        arguments += ["--extern", f"{CRATE}={name}"]
        files: dict[str, str | bytes] = {"harness.rs": source, name: library}
        return self._link(files, edition, arguments)

    def check_together(self, files: Mapping[str, str], edition: Edition, *, reachable: bool) -> Compiled:
        """Check a library of several files, the root first; `stderr` says which file a message is about."""
        arguments = ["--crate-type", "lib", "--emit=metadata", "-o", "candidate.rmeta", "--error-format=json"]
        arguments += [*LINTS, *(("-A", "dead_code") if reachable else _UNUSED_ITEMS)]
        return self._compile(self._toolchain.clippy, files, edition, arguments, None)

    def build_together(
        self, files: Mapping[str, str | bytes], edition: Edition, libraries: Collection[str] = ()
    ) -> Compiled:
        """An executable of several files, the root first, without unsafe code in any; ``libraries`` are among them."""
        arguments = ["--crate-type", "bin", "-A", "warnings", "-F", "unsafe_code", *_BUILD, *_DYNAMIC, "-o", _PROGRAM]
        for name in libraries:
            arguments += ["-C", "strip=symbols", "--extern", f"{name}=lib{name}.rlib"]
        return self._link(files, edition, arguments)

    def library_of(self, files: Mapping[str, str], edition: Edition, name: str) -> Compiled:
        """A library of several files of ours, the root first, to link programs against."""
        arguments = ["--crate-type", "rlib", "--crate-name", name, "-A", "warnings", *_BUILD]
        arguments += ["-C", "opt-level=1", "-o", f"lib{name}.rlib"]
        return self._compile(self._toolchain.rustc, files, edition, arguments, f"lib{name}.rlib")

    def program_of(
        self, files: Mapping[str, str | bytes], edition: Edition, libraries: Collection[str], *, tests: bool = False
    ) -> Compiled:
        """An executable of one source and compiled ``libraries``, whatever lints it asks for; ``tests``: by libtest.

        Where `lints_of_builds` fired, the source alone has to be built to know whether they are errors.
        """
        arguments = ["--test"] if tests else ["--crate-type", "bin"]
        arguments += [*_QUIET, *_BUILD, "-C", "strip=symbols", *_DYNAMIC, "-o", _PROGRAM]
        for name in libraries:
            arguments += ["--extern", f"{name}=lib{name}.rlib"]
        return self._link(files, edition, arguments)

    def _link(
        self,
        files: Mapping[str, str | bytes],
        edition: Edition,
        arguments: Sequence[str],
        compiler: str | None = None,
    ) -> Compiled:
        """An executable, with the constant `entropy` linked in."""
        with self._entropy_lock:
            if not self._entropy:
                made = self._compile(
                    self._toolchain.rustc, {"entropy.rs": entropy.SOURCE}, "2021",
                    (*entropy.ARGUMENTS, "-o", entropy.OBJECT), entropy.OBJECT,
                )  # fmt: skip
                if made.reason != "ok":
                    return Compiled("infra", made.cpu_ms, detail=f"cannot compile {entropy.OBJECT}: {made.detail}")
                self._entropy.append(made.artifact)
        linked = [*arguments, *self._toolchain.linking, "-C", f"link-arg={entropy.OBJECT}"]
        program = compiler or self._toolchain.rustc
        return self._compile(program, {**files, entropy.OBJECT: self._entropy[0]}, edition, linked, _PROGRAM)

    def _compile(
        self,
        program: str,
        files: Mapping[str, str | bytes],
        edition: Edition,
        arguments: Sequence[str],
        output: str | None,
    ) -> Compiled:
        source = next(iter(files))
        argv = [program, source, "--edition", edition, "--sysroot", self._toolchain.inside, *arguments]
        argv += self.dependencies.arguments(self._crates)
        job = Job(
            argv=tuple(argv),
            stage="compile",
            limits=COMPILE_LIMITS,
            files={name: text.encode() if isinstance(text, str) else text for name, text in files.items()},
            collect=(output,) if output is not None else (),
            read_only=self._toolchain.binds | self.dependencies.binds(self._crates),
        )
        result = self._sandbox.run(job)
        compiled = _read(result, output)
        if compiled.crashed:
            # A machine that is short of something lets compilers crash by no fault of the program: believe the second.
            result = self._sandbox.run(job)
            compiled = _read(result, output)
        return replace(compiled, shared=result.shared)


def _read(result: JobResult, output: str | None) -> Compiled:
    if result.fault:
        return Compiled("infra", result.cpu_ms, detail=result.fault)
    reached = _EXCEEDED.get(result.exceeded) or _ran_out(result)
    if reached is not None:
        return Compiled(reached[0], result.cpu_ms, detail=reached[1])
    said = read_diagnostics(result.stderr)
    artifact = result.collected.get(output, b"") if output is not None else b""
    crashed = result.exit_code == 101 or (result.exit_code < 0 and result.exit_code != -9)
    if result.exit_code == 0 and (output is None or artifact):
        reason: Reason = "ok"
    elif crashed or (result.exit_code == 1 and said.errors):
        reason = "compile_error"
    else:
        return Compiled(
            "infra", result.cpu_ms, detail=f"the compiler ended with {result.exit_code}: {_last_line(result)}"
        )
    return Compiled(
        reason,
        result.cpu_ms,
        diagnostics=said.kept,
        lints=said.lints,
        codes=said.codes,
        artifact=artifact,
        detail=f"the compiler crashed: {_last_line(result)}" if crashed else "",
        crashed=crashed,
        stderr=result.stderr,
    )


def _ran_out(result: JobResult) -> tuple[Reason, str] | None:
    """A limit that the compiler met and reported by itself; None when it met none.

    Taken from what no program writes: the end of a process, and errors that are about no place in a source.
    """
    if result.exit_code == 0:
        return None
    if result.exit_code == -signal.SIGABRT and ALLOCATION_FAILED.search(result.stderr):
        return _EXCEEDED["memory"]
    if result.exit_code == -signal.SIGXFSZ or any(_is_out_of_space(line) for line in result.stderr.splitlines()):
        return "output_limit", "the compiler's output fills its work folder"
    return None


def _is_out_of_space(line: bytes) -> bool:
    if not any(word in line for word in _NO_SPACE):
        return False
    if not line.startswith(b"{"):  # of the compiler's parts in other languages
        return True
    try:
        message = json.loads(line)
    except ValueError:
        return False
    if message.get("level") != "error" or message.get("spans"):
        return False
    said = [message["message"], *(child["message"] for child in message.get("children", ()))]
    return any(word.decode() in text for word in _NO_SPACE for text in said)


def _has_metadata(stderr: bytes) -> bool:
    """Whether the compiler says that it wrote its metadata: then all that a check looks for has been looked for."""
    notes = (json.loads(line) for line in stderr.splitlines() if line.startswith(b"{") and b'"artifact"' in line)
    return any(note.get("emit") == "metadata" for note in notes)


def _last_line(result: JobResult) -> str:
    return "".join(result.stderr.decode(errors="replace").strip().splitlines()[-1:])[:300]
