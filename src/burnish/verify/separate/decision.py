"""Decide which tasks are graded in a separate process: those with portable types whose reference passes that way.

The task decides, never an answer: an answer whose signature does not fit fails its tests. Only if a task
declares nothing (no code prompt, no reference) does the answer's own signature decide.

Not covered: value tests and whole programs, whose expected results are never in the answer's process.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

from burnish.errors import DataError
from burnish.fsio import digest_json
from burnish.protocols import Sandbox, can_join
from burnish.records import Grading, RustTests, Task
from burnish.syntax.source import identifiers, parse
from burnish.verify.compiler.compile import Compiled, Compiler
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.grader.crate_paths import lead_crate_paths
from burnish.verify.grader.protocol import Grade
from burnish.verify.grader.rust_tests import given_imports, plain_imports
from burnish.verify.once import MadeOnce
from burnish.verify.separate.build import Builder, TestProgram, TestSource
from burnish.verify.separate.declared import Declared, declared_by_code, declared_by_prompt
from burnish.verify.separate.grading import run_tests
from burnish.verify.separate.store import ProgramStore
from burnish.verify.separate.travel import CannotTravel

_MOST_KEPT = 4096


@dataclass(frozen=True)
class Decision:
    """How a task's tests in Rust are graded, and why; ``grading`` is None when the machine failed."""

    grading: Grading | None
    reason: str = ""
    by_answer: bool = False
    """Whether the task declares nothing, so that each answer's own signature decides."""
    cpu_ms: float = 0.0

    @property
    def surely_separate(self) -> bool:
        """Return whether no answer can be graded in its own process."""
        return self.grading == "separate" and not self.by_answer


def refuse_in_process(decisions: Mapping[str, Decision]) -> None:
    """Raise DataError naming the first task whose tests may have to run in the answer's own process."""
    refused = {name: decision for name, decision in decisions.items() if not decision.surely_separate}
    if not refused:
        return
    name, first = next(iter(refused.items()))
    raise DataError(
        f"{len(refused)} of {len(decisions)} tasks with tests in Rust cannot be graded in a separate process, and "
        f"verify.min_grading is separate; the first: {name}: {first.reason}.",
        "Leave them out (burnish data validate-tasks TASKS.jsonl --out DIR --set min_grading=separate writes the list "
        "for tasks.exclude), or allow it: verify.min_grading=in_process.",
    )


@dataclass(frozen=True)
class Served:
    """One answer's program for separate tests, or the reason why there is none."""

    program: TestProgram | None = None
    built: Compiled | None = None
    problem: str = ""


class Separate:
    """Decide and grade with one toolchain in one sandbox; safe to call from several threads."""

    def __init__(self, sandbox: Sandbox, toolchain: Toolchain, compiler: Compiler, store: ProgramStore) -> None:
        self._sandbox = self._run_in = sandbox
        self._toolchain = toolchain
        self.builder = Builder(sandbox, toolchain, compiler, store)
        """Builds the programs of both sides."""
        self._decided: MadeOnce[Decision] = MadeOnce(_MOST_KEPT)

    def within(self, sandbox: Sandbox) -> Separate:
        """Return a copy that runs tests in another sandbox; decisions and builds are shared."""
        copied = copy.copy(self)
        copied._run_in = sandbox
        return copied

    def decide(self, task: Task) -> Decision:
        """Decide how a task with tests in Rust is graded; equal for all of its answers, and cached."""

        def made() -> tuple[Decision, bool]:
            decision = self._decide(task)
            return decision, decision.grading is not None

        decision, is_new = self._decided.get(key_of(task), made)
        return decision if is_new else replace(decision, cpu_ms=0.0)

    def is_open(self, task: Task) -> bool:
        """Return whether a task with tests in Rust is not decided, and could be graded separately."""
        return can_join(self._sandbox) and task.edition != "2015" and not self._decided.holds(key_of(task))

    def note(self, task: Task, decision: Decision) -> None:
        """Decide a task by what was tried elsewhere."""
        self._decided.get(key_of(task), lambda: (decision, True))

    def source(self, task: Task) -> TestSource | None:
        """Return the source of a task's test program; None if each answer or nothing decides what it declares."""
        if task.code_prompt is None and task.reference is None:
            return None
        try:
            return self._source(task, task.reference or "")[1]
        except CannotTravel:
            return None

    def serve(self, task: Task, code: str) -> Served:
        """Build the programs that grade an answer: the task's test program, and the answer's own."""
        try:
            program = self._test_program(task, code)
        except CannotTravel as error:
            return Served(problem=str(error))
        if program.fault or program.problem:
            return Served(program, problem=program.problem)
        built = self.builder.server(task, program.declared, code)
        return Served(program, replace(built, cpu_ms=built.cpu_ms + program.cpu_ms))

    def program_for(self, task: Task, code: str) -> TestProgram | None:
        """Return the test program of an answer that is graded separately; None for others, and if undecided."""
        return self.test_program(task, code) if self.decide(task).grading == "separate" else None

    def test_program(self, task: Task, code: str) -> TestProgram | None:
        """Return the test program of an answer; None if there is none."""
        try:
            program = self._test_program(task, code)
        except CannotTravel:
            return None
        return None if program.fault or program.problem else program

    def grade(self, served: Served) -> tuple[Grade, float]:
        """Run the tests of a built program; return the grade and the CPU milliseconds."""
        assert served.program is not None
        assert served.built is not None
        return run_tests(self._run_in, self._toolchain, served.program, served.built.artifact)

    def _decide(self, task: Task) -> Decision:
        if task.edition == "2015":
            return Decision("in_process", "paths of edition 2015 begin elsewhere")
        if not can_join(self._sandbox):
            return Decision("in_process", f"{self._sandbox.layers[0]} joins no processes")
        if task.reference is not None:
            return self._tried(task, task.reference)
        if task.code_prompt is None:
            return Decision("separate", "by the signatures of each answer", by_answer=True)
        try:
            program = self._test_program(task, "")
        except CannotTravel as error:
            return Decision("in_process", str(error))
        return _by_program(program) or Decision("separate", "no reference to try it with", cpu_ms=program.cpu_ms)

    def _tried(self, task: Task, reference: str) -> Decision:
        """Decide by grading the reference."""
        served = self.serve(task, reference)
        if served.built is None:
            decision = _by_program(served.program) if served.program is not None else None
            return decision or Decision("in_process", served.problem)
        cpu_ms, reason, detail = served.built.cpu_ms, served.built.reason, served.built.detail
        if reason == "ok":
            grade, ran_ms = self.within(self._sandbox).grade(served)
            cpu_ms, reason, detail = cpu_ms + ran_ms, grade.reason, grade.detail
        elif reason == "compile_error":
            detail = next((d.message for d in served.built.diagnostics if d.level == "error"), detail)
        if reason == "ok":
            return Decision("separate", "its reference passes", cpu_ms=cpu_ms)
        if reason == "infra":
            return Decision(None, detail, cpu_ms=cpu_ms)
        return Decision("in_process", f"its reference does not pass there: {reason}: {detail[:200]}", cpu_ms=cpu_ms)

    def _test_program(self, task: Task, code: str) -> TestProgram:
        declared, source = self._source(task, code)
        return self.builder.test_program(task, declared, source)

    def _source(self, task: Task, code: str) -> tuple[Declared, TestSource]:
        assert isinstance(task.tests, RustTests)
        tests = task.tests.source
        declared = self._declared(task, code, tests)
        tests = lead_crate_paths(tests, parse(task.code_prompt or code), task.crates, "crate")
        return declared, self.builder.source(task, declared, tests)

    def _declared(self, task: Task, code: str, tests: str) -> Declared:
        """Return the declarations that replace the answer in the test program."""
        if task.code_prompt is not None:
            return declared_by_prompt(task.code_prompt, task.entry_point)
        if task.reference is not None:
            imports = given_imports(parse(task.reference), task.crates)
        else:
            imports = plain_imports(parse(code))
        wanted = identifiers(tests)
        try:
            return declared_by_code(task, code, wanted, imports)
        except CannotTravel:
            if task.reference is None or code == task.reference:
                raise
            return declared_by_code(task, task.reference, wanted, imports)


def key_of(task: Task) -> str:
    """Return the digest of all that decides how a task with tests in Rust is graded."""
    assert isinstance(task.tests, RustTests)
    made_of = [task.code_prompt, task.reference, task.entry_point, task.edition, list(task.crates)]
    return digest_json([*made_of, task.tests.model_dump()])


def _by_program(program: TestProgram) -> Decision | None:
    """Decide by a test program that could not be built."""
    if program.fault:
        return Decision(None, program.problem, cpu_ms=program.cpu_ms)
    if program.problem:
        return Decision("in_process", f"the tests need more: {program.problem}", cpu_ms=program.cpu_ms)
    return None
