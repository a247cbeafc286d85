"""Judge a program: parse, check, lint, build, test, stopping at the first failure.

Each compilation gives as many signals as possible: the check gives compile verdict, error codes and lints at once. A
build may fail after a check that passed (lints of code generation, post-monomorphisation errors): a failed build of the
candidate's own crate is a compile error of the candidate, at stage ``build``.

A task whose crates are not in the dependency set cannot be judged: ``infra`` at stage ``extract``, with the command
that builds the set.

Not covered: retries and caching (`pool`, `verifier`).
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from typing import Literal

from burnish.protocols import Job, JobResult, Sandbox
from burnish.records import (
    CrateType,
    Grading,
    ProgramTests,
    Reason,
    RustTests,
    Task,
    TestCounts,
    ValueTests,
    Verdict,
    VerifyStage,
)
from burnish.syntax.crates import WELL_KNOWN
from burnish.syntax.main_function import has_main
from burnish.syntax.source import parse
from burnish.verify.compiler.compile import COMPILE_LIMITS, LINTS, RUN_LIMITS, Compiled, Compiler
from burnish.verify.compiler.dependency_set import BUILD_COMMAND, DependencySet
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.grader.macro_tests import MacroTests
from burnish.verify.grader.one_crate import TESTS_FILE, answer_with_tests, harness, hidden_module
from burnish.verify.grader.own_meaning import false_type, unnamed_import
from burnish.verify.grader.own_process import beyond_safe_rust, equals_foreign_values
from burnish.verify.grader.program import grade_program
from burnish.verify.grader.protocol import Grade, new_nonce, read_end
from burnish.verify.grader.rust_tests import TestPlan, grade_rust_tests, plan_tests
from burnish.verify.grader.values import grade_values, made_callable, value_harness
from burnish.verify.metrics import measure
from burnish.verify.sandbox.layers import OWN_COMPILE_SANDBOX
from burnish.verify.separate.build import own_errors
from burnish.verify.separate.decision import Separate, Served
from burnish.verify.separate.store import ProgramStore

Goal = Literal["check", "run", "test"]
POLICY = 11
"""Increase when a change of this package can change a verdict; stored verdicts then no longer match."""
_NO_FIT = "the tests do not compile against this code, which compiles alone"
_FORBIDDEN_UNSAFE = frozenset({"unsafe_code", "E0453"})
"""Codes of an ``-F unsafe_code`` build: the lint, and an attempt to allow it again."""


def policy_parts() -> list[object]:
    """Return everything that decides a verdict beside program, tests and toolchain, for the cache key."""
    limits = [[getattr(x, f) for f in x.__dataclass_fields__] for x in (COMPILE_LIMITS, RUN_LIMITS)]
    return [POLICY, list(LINTS), limits]


def deepest_goal(task: Task, code: str) -> Goal:
    """Return the deepest goal: tests if there are any, otherwise a run of a program, otherwise a check."""
    if task.tests is not None:
        return "test"
    return "run" if crate_type_of(task, code) == "bin" else "check"


def crate_type_of(task: Task, code: str) -> CrateType:
    """Return the task's crate type; by default a program if the code has an ``fn main`` or the tests run one."""
    if task.crate_type is not None:
        return task.crate_type
    return "bin" if isinstance(task.tests, ProgramTests) or has_main(code) else "lib"


@dataclass(frozen=True)
class _State:
    """What is known so far about one candidate."""

    stage: VerifyStage
    compiled: bool | None = None
    check: Compiled | None = None
    cpu_ms: float = 0.0
    shared: bool = False
    """Whether other candidates' programs were compiled in the same sandbox."""
    grading: Grading | None = None

    def after(self, stage: VerifyStage, compiled: Compiled) -> _State:
        """Add a compilation's cost, and whether it was shared."""
        return replace(self, stage=stage, cpu_ms=self.cpu_ms + compiled.cpu_ms, shared=self.shared or compiled.shared)


class Ladder:
    """Judge programs with one toolchain in one sandbox; safe to call from several threads."""

    def __init__(
        self,
        sandbox: Sandbox,
        toolchain: Toolchain,
        dependencies: DependencySet | None = None,
        *,
        compiler: Compiler | None = None,
        separate: Separate | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._compiler = compiler or Compiler(sandbox, toolchain, dependencies)
        self._served: Served | None = None
        self._separate = separate or Separate(sandbox, toolchain, self._compiler, ProgramStore())
        self._macro_tests = MacroTests(sandbox, toolchain, self._compiler)

    def within(self, sandbox: Sandbox, compiler: Compiler, served: Served | None) -> Ladder:
        """Return a ladder for one program in another sandbox, with its shared check and build."""
        copied = copy.copy(self)
        copied._sandbox, copied._compiler, copied._served = sandbox, compiler, served
        copied._separate = self._separate.within(sandbox)
        return copied

    @property
    def toolchain_name(self) -> str:
        """Return version and short digest of the compiler and of the dependency set, as in verdicts."""
        name = f"rustc {self._toolchain.version} {self._toolchain.digest[:16]}"
        dependencies = self._compiler.dependencies.digest
        return f"{name} dependencies {dependencies[:16]}" if dependencies else name

    def judge(self, task: Task, code: str, goal: Goal) -> Verdict:
        """Return the verdict on one program; the caller fills in ``task_id`` and ``sample_index``."""
        plan = plan_tests(task.tests) if goal == "test" and isinstance(task.tests, RustTests) else None
        hindered = self._hindrance(task, plan)
        if hindered:
            return self._verdict(code, _State("extract"), "infra", hindered)
        crate_type = crate_type_of(task, code)
        reachable = goal == "test" and not isinstance(task.tests, ProgramTests)
        compiler = self._compiler.with_crates(task.crates)
        check = compiler.check(code, task.edition, crate_type, reachable=reachable)
        syntax_error = check.reason == "compile_error" and None in check.codes and parse(code).has_error
        state = replace(_State("parse").after("parse" if syntax_error else "check", check), check=check)
        if check.reason != "ok":
            return self._verdict(code, replace(state, compiled=_says(check)), check.reason, check.detail)
        state = replace(state, stage="lint", compiled=True)
        if goal == "check":
            return self._verdict(code, state, "ok")
        if goal == "run" or isinstance(task.tests, ProgramTests):
            return self._run(task, code, goal, state)
        return self._rust_tests(task, code, plan, state) if plan is not None else self._by_value(task, code, state)

    def _hindrance(self, task: Task, plan: TestPlan | None) -> str:
        """Return why no answer to this task can be judged here; empty when it can."""
        missing = self._compiler.dependencies.missing(task.crates) if task.crates else []
        if missing:
            detail = f"the task needs crates that are not built here: {', '.join(missing)}; build them: {BUILD_COMMAND}"
            return " ".join([detail, *(name for name in missing if name not in WELL_KNOWN)])
        if plan is not None and not plan.functions and not plan.by_macro:
            return "the task's tests hold no test function"
        return ""

    def _run(self, task: Task, code: str, goal: Goal, state: _State) -> Verdict:
        compiler = self._compiler.with_crates(task.crates)
        built = compiler.build_program(code, task.edition)
        state = state.after("build", built)
        if built.reason != "ok":
            return self._failed_build(code, state, built)
        state = replace(state, stage="test")
        cpu_ms = [state.cpu_ms]

        def run(stdin: bytes) -> JobResult:
            result = self._sandbox.run(self._job(built.artifact, stdin))
            cpu_ms.append(result.cpu_ms)
            return result

        if goal == "test" and isinstance(task.tests, ProgramTests):
            grade = grade_program(task.tests, run)
        else:
            reason, detail = read_end(run(b""))
            grade = Grade(reason, TestCounts(), detail)
        return self._graded(code, replace(state, cpu_ms=sum(cpu_ms)), grade)

    def _rust_tests(self, task: Task, code: str, plan: TestPlan, state: _State) -> Verdict:
        """Grade tests in Rust, in a process without the answer if the task allows it."""
        decision = self._separate.decide(task)
        state = replace(state, cpu_ms=state.cpu_ms + decision.cpu_ms)
        if decision.grading is None:
            return self._verdict(code, state, "infra", decision.reason)
        if decision.grading == "separate":
            served = self._served or self._separate.serve(task, code)
            fits = not served.problem and (served.built is None or not _misfits(served.built, code))
            if fits or not decision.by_answer:
                return self._separately(code, served, replace(state, grading="separate"))
        state = replace(state, grading="in_process")
        if not plan.by_macro:
            return self._beside(task, code, plan, state)
        assert isinstance(task.tests, RustTests)
        made = self._macro_tests.plan(task.tests, plan, task.edition)
        state = replace(state, cpu_ms=state.cpu_ms + made.cpu_ms)
        if made.plan is None:
            detail = (
                made.problem
                if made.fault
                else f"the tests that {plan.by_macro} makes cannot be counted: {made.problem}"
            )
            return self._verdict(code, replace(state, stage="extract"), "infra", detail)
        return self._beside(task, code, made.plan, state)

    def _separately(self, code: str, served: Served, state: _State) -> Verdict:
        """Return the verdict of tests that run without the answer."""
        built = served.built
        if built is None:
            state = replace(state, stage="build")
            if served.program is not None and served.program.fault:
                return self._verdict(code, state, "infra", served.problem)
            return self._verdict(code, state, "tests_failed", f"{_NO_FIT}: {served.problem}")
        state = state.after("build", built)
        if _misfits(built, code):
            return self._verdict(code, state, "tests_failed", _mismatch(built))
        if built.reason != "ok":
            return self._failed_build(code, state, built)
        grade, cpu_ms = self._separate.grade(served)
        return self._graded(code, replace(state, stage="test", cpu_ms=state.cpu_ms + cpu_ms), grade)

    def _beside(self, task: Task, code: str, plan: TestPlan, state: _State) -> Verdict:
        """Return the verdict of tests in the answer's own process, in one crate with it."""
        refused = _refused_beside(task, code, plan)
        if refused is not None:
            return self._verdict(code, replace(state, stage="build"), *refused)
        compiler = self._compiler.with_crates(task.crates)
        tests = {TESTS_FILE: hidden_module(plan, task, code)}
        library = compiler.build_library(
            answer_with_tests(code), task.edition, forbid_unsafe="unsafe" not in plan.source, beside=tests
        )
        state = state.after("build", library)
        if library.reason == "compile_error" and not library.crashed and not _has_place(library, "candidate.rs"):
            return self._verdict(code, state, "tests_failed", _mismatch(library))
        if library.reason != "ok":
            if library.codes and library.codes <= _FORBIDDEN_UNSAFE:
                return self._verdict(code, state, "blocked", "tests in Rust allow no unsafe code in the candidate")
            return self._failed_build(code, state, library)
        built = compiler.build_harness(harness(), library.artifact, "2021")
        return self._run_harness(task, code, plan, state, built)

    def _by_value(self, task: Task, code: str, state: _State) -> Verdict:
        """Return the verdict of values that a harness prints."""
        assert isinstance(task.tests, ValueTests)
        compiler = self._compiler.with_crates(task.crates)
        library = compiler.build_library(made_callable(code, task.tests), task.edition, forbid_unsafe=False)
        state = state.after("build", library)
        if library.reason != "ok":
            return self._failed_build(code, state, library)
        built = compiler.build_harness(value_harness(task.tests), library.artifact, task.edition)
        if built.reason == "compile_error" and _has_place(built):
            return self._verdict(code, state.after("build", built), "tests_failed", _mismatch(built))
        return self._run_harness(task, code, None, state, built)

    def _run_harness(self, task: Task, code: str, plan: TestPlan | None, state: _State, built: Compiled) -> Verdict:
        state = state.after("build", built)
        if built.reason != "ok":
            return self._failed_build(code, state, built)
        nonce = new_nonce()
        result = self._sandbox.run(self._job(built.artifact, nonce.encode() + b"\n"))
        state = replace(state, stage="test", cpu_ms=state.cpu_ms + result.cpu_ms)
        if plan is not None:
            return self._graded(code, state, grade_rust_tests(result, nonce, plan))
        assert isinstance(task.tests, ValueTests)
        return self._graded(code, state, grade_values(result, nonce, task.tests))

    def _job(self, program: bytes, stdin: bytes) -> Job:
        return Job(
            argv=("/box/program",),
            stage="run",
            limits=RUN_LIMITS,
            files={"program": program},
            executables=frozenset({"program"}),
            stdin=stdin,
            read_only=self._toolchain.runtime,
        )

    def _failed_build(self, code: str, state: _State, built: Compiled) -> Verdict:
        assert state.check is not None
        seen = replace(state.check, diagnostics=built.diagnostics + state.check.diagnostics)
        return self._verdict(code, replace(state, compiled=_says(built), check=seen), built.reason, built.detail)

    def _graded(self, code: str, state: _State, grade: Grade) -> Verdict:
        return self._verdict(code, state, grade.reason, grade.detail, grade.tests)

    def _verdict(
        self, code: str, state: _State, reason: Reason, detail: str = "", tests: TestCounts | None = None
    ) -> Verdict:
        return Verdict(
            task_id="",
            status="pass" if reason == "ok" else "infra" if reason == "infra" else "fail",
            stage=state.stage,
            reason=reason,
            compiled=state.compiled,
            code=code,
            diagnostics=state.check.diagnostics if state.check is not None else (),
            lints=state.check.lints if state.check is not None else (),
            tests=tests or TestCounts(),
            metrics=measure(code),
            detail=detail[:1000],
            cpu_ms=round(state.cpu_ms, 3),
            isolation=tuple(x for x in self._sandbox.layers if not (state.shared and x == OWN_COMPILE_SANDBOX)),
            toolchain=self.toolchain_name,
            grading=state.grading,
        )


def _refused_beside(task: Task, code: str, plan: TestPlan) -> tuple[Reason, str] | None:
    """Return why tests do not run in one process with this answer: reason and detail."""
    beyond = beyond_safe_rust(code)
    if beyond:
        return "blocked", f"tests in Rust that run in the answer's own process allow no `{beyond}` in it"
    equal = equals_foreign_values(code, task.code_prompt, task.reference)
    if equal:
        return (
            "tests_failed",
            f"`{equal}` says itself which values of other types it equals, and no task's code does so",
        )
    false = false_type(code, plan.source, task.code_prompt, task.reference) or unnamed_import(code)
    return ("tests_failed", f"`{false}` would decide for itself what the tests see of it") if false else None


def _has_place(built: Compiled, file: str = "") -> bool:
    """Return whether the compiler names a position of an error (in ``file``); a linker's errors have none."""
    if not file:
        return any(d.level == "error" and d.line is not None for d in built.diagnostics)
    spoken = (json.loads(line) for line in built.stderr.splitlines() if line.startswith(b"{"))
    errors = [message for message in spoken if message.get("level") == "error"]
    return any(span["file_name"] == file for message in errors for span in message["spans"] if span["is_primary"])


def _misfits(built: Compiled, code: str) -> bool:
    """Return whether a server's build failed because of the declarations, not of the answer's own lines."""
    failed = built.reason == "compile_error" and not built.crashed
    return failed and not own_errors(built, code) and _has_place(built)


def _mismatch(built: Compiled) -> str:
    """Describe what of the tests does not fit a candidate that compiles alone: a missing item, another signature."""
    errors = [f"{d.message} ({d.code})" if d.code else d.message for d in built.diagnostics if d.level == "error"]
    return f"{_NO_FIT}: {'; '.join(errors[:3])}"


def _says(compiled: Compiled) -> bool | None:
    """Return what a failed compilation means for the candidate: nothing when the machine failed."""
    return None if compiled.reason == "infra" else False
