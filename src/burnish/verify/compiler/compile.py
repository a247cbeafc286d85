"""Compile candidates: one clippy-driver pass to check, rustc to build; always inside the sandbox.

Exit statuses: 0 is success; 1 with a JSON error is a compile error; 101 or a signal is a crash of the compiler, which
counts as a compile error unless it reports a lack of memory or of work folder space, which are limits; anything else is
a fault of the machine, never of the program.

A source whose ``cfg`` can distinguish linter and compiler is linted as the compiler sees it, and plain rustc decides
whether it compiles (`compiler_view`).

External crates come from a dependency set; `Compiler.with_crates` makes some of them available to a program.

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
"""Clippy's default groups beside the compiler's own warnings. Forced: ``#![allow(..)]`` in a program cannot hide
them, and they do not affect whether it compiles."""
_UNUSED_ITEMS = ("--force-warn=dead_code",)
_OWN_LEVELS = re.compile(r"\b(deny|forbid)\b")
"""Matches a program that may turn warnings into errors: forcing lints undoes that, so rustc decides whether it
compiles."""
_NAMES_FILES = re.compile(r"\binclude|\bpath\b")
"""Matches a program that may read files at compile time; even the order of variables in /proc/self/environ would reveal
whether its compiler was started to check or to build."""
ALLOCATION_FAILED = re.compile(rb"memory allocation of \d+ bytes failed")
"""Messages of the standard library before it aborts."""
_EXCEEDED: dict[str, tuple[Reason, str]] = {
    "output": ("output_limit", "the compiler wrote too much"),
    "size": ("output_limit", "its files are larger than the work folder"),
    "memory": ("memory", "the compiler ran out of memory"),
    "cpu": ("timeout", "the compiler exceeded its cpu time"),
    "wall": ("timeout", "the compiler exceeded its wall time"),
}
_NO_SPACE = (b"No space left on device", b"File too large", b"SIGBUS")
"""The last is how a linker ends that lacks space in a mapped file."""
_CLIPPY_ALONE = frozenset({"E0716"})
_BUILD_LINTS = frozenset({"arithmetic_overflow", "unconditional_panic"})
"""Lints of rustc's KnownPanicsLint, which runs only with code generation: a check does not report them."""
_QUIET = ("--cap-lints", "allow", *(f"--force-warn={name}" for name in sorted(_BUILD_LINTS)))
"""Items made visible for tests must not trigger a lint that the program turns into an error."""
CRATE = "submission"
"""Name of the candidate's crate when tests are linked against it."""

_BUILD = ("-C", "debuginfo=0", "-C", "opt-level=0", "-C", "codegen-units=1", "--error-format=json")
_PROGRAM = "program"
"""Name of an executable."""
_DYNAMIC = ("-C", "prefer-dynamic")
"""Linking std as a shared object saves a fifth of a build's CPU."""


def lints_of_builds(built: Compiled) -> bool:
    """Return whether a lint fired that is an error by default and that a check does not report."""
    return bool(_BUILD_LINTS & {*built.codes, *built.lints})


@dataclass(frozen=True)
class Compiled:
    """Result of a compilation. ``reason`` is ok, compile_error, timeout, memory, output_limit or infra."""

    reason: Reason
    cpu_ms: float
    diagnostics: tuple[Diagnostic, ...] = ()
    lints: tuple[str, ...] = ()
    codes: frozenset[str | None] = frozenset()
    artifact: bytes = b""
    detail: str = ""
    crashed: bool = False
    """Whether the compiler crashed twice in a row."""
    stderr: bytes = b""
    """Everything the compiler wrote, one JSON object per line."""
    shared: bool = False
    """Whether other candidates' programs were compiled in the same sandbox."""


class Compiler:
    """Run one toolchain in one sandbox."""

    def __init__(self, sandbox: Sandbox, toolchain: Toolchain, dependencies: DependencySet | None = None) -> None:
        self._sandbox = sandbox
        self.dependencies = dependencies or DependencySet()
        """The crates that programs may use."""
        self._crates: Sequence[str] = ()
        self._toolchain = toolchain
        self._entropy: list[bytes] = []  # holds one object once it is compiled; shared by compilers with other crates
        self._entropy_lock = threading.Lock()

    def with_crates(self, crates: Sequence[str]) -> Compiler:
        """Return a compiler that passes these crates of the set to every compilation; this one without crates."""
        if not crates:
            return self
        copied = copy.copy(self)
        copied._crates = crates
        return copied

    def check(self, code: str, edition: Edition, crate_type: CrateType, *, reachable: bool) -> Compiled:
        """Compile once without code generation; return compile verdict, error codes and lints.

        ``reachable`` means that tests will call the items, so that unused ones are not lints.
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
        compiled = self._compile(self._toolchain.rustc, {"candidate.rs": code}, edition, plain, None)
        believed = compiled if refused_by_clippy_alone or compiled.reason != "ok" else checked
        if tells and compiled.reason == "ok" and (checked.reason != "ok" or compiler_view.may_deceive(code)):
            believed = replace(compiled, lints=(*checked.lints, compiler_view.UNSEEN))
        return replace(believed, cpu_ms=checked.cpu_ms + compiled.cpu_ms, shared=checked.shared or compiled.shared)

    def build_program(self, code: str, edition: Edition) -> Compiled:
        """Build an executable of a program with ``fn main``."""
        arguments = ["--crate-type", "bin", "-A", "warnings", *_BUILD, *_DYNAMIC, "-o", _PROGRAM]
        return self._link({"candidate.rs": code}, edition, arguments)

    def check_and_build(self, code: str, edition: Edition) -> Compiled | None:
        """Check a program and build its executable in one pass, when the check finds nothing.

        Returns None where one pass is not enough: a program that sets lint levels, names files or distinguishes linter
        and compiler, a limit, a crash, a build that fails after its check, lints that need code generation. The linter
        disables optimisations, so the executable uses more time and stack.
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
        """Build the candidate as a crate of its own, without ``cfg(test)``; ``beside`` are files of further modules."""
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
        """Build an executable that calls the candidate's crate."""
        name = f"lib{CRATE}.rlib"
        arguments = ["--crate-type", "bin", "-A", "warnings", *_BUILD, *_DYNAMIC, "-o", _PROGRAM]
        arguments += ["--extern", f"{CRATE}={name}"]
        files: dict[str, str | bytes] = {"harness.rs": source, name: library}
        return self._link(files, edition, arguments)

    def check_together(self, files: Mapping[str, str], edition: Edition, *, reachable: bool) -> Compiled:
        """Check a library of several files, the root first; messages in `stderr` name their file."""
        arguments = ["--crate-type", "lib", "--emit=metadata", "-o", "candidate.rmeta", "--error-format=json"]
        arguments += [*LINTS, *(("-A", "dead_code") if reachable else _UNUSED_ITEMS)]
        return self._compile(self._toolchain.clippy, files, edition, arguments, None)

    def build_together(
        self, files: Mapping[str, str | bytes], edition: Edition, libraries: Collection[str] = ()
    ) -> Compiled:
        """Build an executable of several files, the root first, without unsafe code; ``libraries`` are among them."""
        arguments = ["--crate-type", "bin", "-A", "warnings", "-F", "unsafe_code", *_BUILD, *_DYNAMIC, "-o", _PROGRAM]
        for name in libraries:
            arguments += ["-C", "strip=symbols", "--extern", f"{name}=lib{name}.rlib"]
        return self._link(files, edition, arguments)

    def library_of(self, files: Mapping[str, str], edition: Edition, name: str) -> Compiled:
        """Build a library of several files of ours, the root first, to link programs against."""
        arguments = ["--crate-type", "rlib", "--crate-name", name, "-A", "warnings", *_BUILD]
        arguments += ["-C", "opt-level=1", "-o", f"lib{name}.rlib"]
        return self._compile(self._toolchain.rustc, files, edition, arguments, f"lib{name}.rlib")

    def program_of(
        self, files: Mapping[str, str | bytes], edition: Edition, libraries: Collection[str], *, tests: bool = False
    ) -> Compiled:
        """Build an executable of one source and compiled ``libraries``, ignoring lints; ``tests``: with libtest.

        If `lints_of_builds` fires, the source must also be built alone to know whether they are errors.
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
        """Link an executable with constant random numbers (`fixed_random`)."""
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
            # A machine short of resources may crash a compiler without fault of the program: use the second result.
            result = self._sandbox.run(job)
            compiled = _read(result, output)
        return replace(compiled, shared=result.shared)


def _read(result: JobResult, output: str | None) -> Compiled:
    if result.fault:
        return Compiled("infra", result.cpu_ms, detail=result.fault)
    reached = _EXCEEDED.get(result.exceeded) or _ran_out(result)
    if reached is not None:
        return Compiled(reached[0], result.cpu_ms, detail=reached[1])
    diagnostics = read_diagnostics(result.stderr)
    artifact = result.collected.get(output, b"") if output is not None else b""
    crashed = result.exit_code == 101 or (result.exit_code < 0 and result.exit_code != -9)
    if result.exit_code == 0 and (output is None or artifact):
        reason: Reason = "ok"
    elif crashed or (result.exit_code == 1 and diagnostics.errors):
        reason = "compile_error"
    else:
        return Compiled(
            "infra", result.cpu_ms, detail=f"the compiler ended with {result.exit_code}: {_last_line(result)}"
        )
    return Compiled(
        reason,
        result.cpu_ms,
        diagnostics=diagnostics.kept,
        lints=diagnostics.lints,
        codes=diagnostics.codes,
        artifact=artifact,
        detail=f"the compiler crashed: {_last_line(result)}" if crashed else "",
        crashed=crashed,
        stderr=result.stderr,
    )


def _ran_out(result: JobResult) -> tuple[Reason, str] | None:
    """Return a limit that the compiler reported itself; None without one.

    Uses only what a program cannot write: the exit status, and errors without a position in a source.
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
    if not line.startswith(b"{"):  # messages of the compiler's parts in other languages
        return True
    try:
        message = json.loads(line)
    except ValueError:
        return False
    if message.get("level") != "error" or message.get("spans"):
        return False
    messages = [message["message"], *(child["message"] for child in message.get("children", ()))]
    return any(word.decode() in text for word in _NO_SPACE for text in messages)


def _has_metadata(stderr: bytes) -> bool:
    """Return whether the compiler reports its metadata as written, which it does after all checks."""
    notes = (json.loads(line) for line in stderr.splitlines() if line.startswith(b"{") and b'"artifact"' in line)
    return any(note.get("emit") == "metadata" for note in notes)


def _last_line(result: JobResult) -> str:
    return "".join(result.stderr.decode(errors="replace").strip().splitlines()[-1:])[:300]
