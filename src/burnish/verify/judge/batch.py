"""Compile several programs at once: checked as modules of one crate, built into one harness.

A message belongs to the program whose file it names. Programs with errors leave the group and are judged alone, and the
rest is compiled again; after anything unexpected (crash, limit, a message without a file) all are judged alone. Each
run is still a process and sandbox of its own: the harness holds all modules, and a number in its copy selects one. It
is built with ``-F unsafe_code``, so no module can reach another.

Sharing never changes a verdict: a run that does not end by itself with status 0 and a complete report (a signal, a
limit, another status, a missing mark) is ignored, and its program is judged alone; a harness with large statics is not
run. Not covered: programs with ``fn main``, dependency sets; which programs may join (`shared_crate_rule`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from burnish.protocols import Job, JobResult, Sandbox
from burnish.records import CrateType, Edition, ProgramTests, RustTests, Task, ValueTests, Verdict
from burnish.verify.compiler.compile import Compiled, Compiler
from burnish.verify.compiler.dependency_set import DependencySet
from burnish.verify.compiler.diagnostics import read_diagnostics
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.grader.values import VALUE_MAIN, made_callable, value_cases
from burnish.verify.judge.ladder import Goal, Ladder, crate_type_of
from burnish.verify.judge.shared_crate_rule import PREFIX, may_join
from burnish.verify.judge.shared_messages import at_fault, by_file
from burnish.verify.judge.shared_servers import can_be_stamped, shared_server, stamped, which_function
from burnish.verify.judge.shared_tasks import SharedTasks
from burnish.verify.sandbox.backend import AroundSandbox
from burnish.verify.separate.build import TestProgram
from burnish.verify.separate.decision import Decision, Separate, Served
from burnish.verify.separate.joined import FAILED
from burnish.verify.separate.programs import server_module
from burnish.verify.separate.store import ProgramStore

MOST_JOINED = 64
_ROUNDS = 3
"""Most compilations of a shrinking batch before the rest is judged one by one."""
_FEWEST = 3
_WORTH_JOINING, _WORTH_TRYING = 0.75, 0.75
"""Shares from which sharing pays: of good programs, to check together; of programs settled in one pass, to try that."""


Together = Literal["never", "worth", "always"]
"""When work is shared between programs, and between check and build; by default when it recently paid."""


@dataclass(frozen=True)
class Candidate:
    """Program to judge."""

    task: Task
    code: str
    goal: Goal


@dataclass(frozen=True)
class Start:
    """What is known of one program from its group; empty when it is to be judged alone."""

    check: Compiled | None = None
    built: Compiled | None = None
    """The harness with the program; shared by its group."""
    mark: str = ""
    place: int = 0
    number: int = 0
    """Number in the names of the program's files."""
    tests: TestProgram | None = None
    """The test program of its task, if ``built`` serves its calls."""


class BatchJudge:
    """Judge groups of programs with the same verdicts as `Ladder` gives each alone; safe to call from threads.

    ``start`` compiles a group, ``finish`` gives one program's verdict, also from another thread.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        toolchain: Toolchain,
        dependencies: DependencySet | None = None,
        together: Together = "worth",
        store: ProgramStore | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._together = together
        self._toolchain = toolchain
        self._compiler = Compiler(sandbox, toolchain, dependencies)
        self._separate = Separate(sandbox, toolchain, self._compiler, store or ProgramStore())
        self._alone = Ladder(sandbox, toolchain, compiler=self._compiler, separate=self._separate)
        self._tasks = SharedTasks(self._separate)
        self._settled = 1.0  # recent share of programs that one pass settled
        self._good = 1.0  # recent share of programs that compiled: checking together pays only when most do

    @property
    def toolchain_name(self) -> str:
        """Return the toolchain's name as in verdicts."""
        return self._alone.toolchain_name

    def grading_of(self, task: Task) -> Decision | None:
        """Return how a task's tests in Rust are graded; None without any, or when its crates are missing."""
        if not isinstance(task.tests, RustTests) or self._compiler.dependencies.missing(task.crates):
            return None
        return self._separate.decide(task)

    def prepare(self, tasks: Sequence[Task], workers: int) -> None:
        """Build what depends on tasks alone, for all of them together; what that leaves open is built when needed."""
        tested = [t for t in tasks if isinstance(t.tests, RustTests) and not t.crates]
        self._tasks.prepare(tested, workers)

    def joins(self, candidate: Candidate) -> bool:
        """Return whether a program may be judged together with others."""
        return self._together != "never" and joins(candidate)

    def start(self, group: Sequence[Candidate]) -> list[Start]:
        """Compile a group whose members `joins` and agree in `likeness`; at most `MOST_JOINED`."""
        numbers = range(len(group))
        checks = self._check(group, numbers)
        starts = {i: Start(check=checks[i], number=i) for i in numbers}
        if group[0].goal == "test":
            starts |= self._build(group, checks)
        return [starts[i] for i in numbers]

    def finish(self, candidate: Candidate, start: Start) -> Verdict:
        """Return the verdict on one program; the caller fills in ``task_id`` and ``sample_index``."""
        if start.check is None:
            return self._judge_alone(candidate)
        if start.built is None:
            return self._given(candidate, start, self._sandbox)
        watched = _Watched(_Renaming(self._sandbox, start.number))
        verdict = self._given(candidate, start, watched)
        if watched.ended_well and _is_whole(verdict):
            return verdict
        # In a shared program the failure may not be its own.
        return self._given(candidate, Start(check=start.check), self._sandbox)

    def _pays(self, share: float, worth: float) -> bool:
        return self._together == "always" or (self._together == "worth" and share > worth)

    def _judge_alone(self, candidate: Candidate) -> Verdict:
        if not _runs(candidate):
            return self._alone.judge(candidate.task, candidate.code, candidate.goal)
        if not self._pays(self._settled, _WORTH_TRYING):
            return self._alone.judge(candidate.task, candidate.code, candidate.goal)
        known, verdict = self._in_one_pass(candidate)
        self._settled += ((verdict is not None) - self._settled) / 64
        return verdict or self._given(candidate, known, self._sandbox)

    def _in_one_pass(self, candidate: Candidate) -> tuple[Start, Verdict | None]:
        """Compile once for check and build; return what is known, and the verdict if that settles it.

        A program that ended by itself does so with any optimisation; after a signal or a limit it is built again.
        """
        built = self._compiler.check_and_build(candidate.code, candidate.task.edition)
        if built is None:
            return Start(), None
        start = Start(check=built, built=replace(built, cpu_ms=0.0) if built.reason == "ok" else None)
        watched = _Watched(self._sandbox)
        verdict = self._given(candidate, start, watched)
        return Start(check=built), verdict if watched.ended_by_itself else None

    def _given(self, candidate: Candidate, start: Start, sandbox: Sandbox) -> Verdict:
        """Return the verdict on one program, using what is known of it."""
        given = _Given(self._compiler, start)
        served = None
        if start.tests is not None and start.built is not None:
            served = Served(start.tests, replace(start.built, artifact=_stamped(start)))
        return self._alone.within(sandbox, given, served).judge(candidate.task, candidate.code, candidate.goal)

    def _check(self, candidates: Sequence[Candidate], group: Sequence[int]) -> dict[int, Compiled]:
        checked: dict[int, Compiled] = {}
        rest = list(group)
        for _ in range(_ROUNDS):
            if len(rest) < _FEWEST or not self._pays(self._good, _WORTH_JOINING):
                break
            together = self._check_together(candidates, rest)
            if together is None:
                break
            faulty, clean = together
            checked.update(clean)
            rest = [i for i in rest if i not in clean and i not in faulty]
            if not faulty or not rest:
                break
        for i in group:
            if i not in checked:
                candidate = candidates[i]
                checked[i] = self._compiler.check(
                    candidate.code, candidate.task.edition, "lib", reachable=candidate.goal == "test"
                )
            self._good += ((checked[i].reason == "ok") - self._good) / 64
        return checked

    def _check_together(
        self, candidates: Sequence[Candidate], group: Sequence[int]
    ) -> tuple[set[int], dict[int, Compiled]] | None:
        """Return the programs with errors, or each one's check if there are none; None when unclear."""
        first = candidates[group[0]]
        files = {"together.rs": "".join(f"pub mod {PREFIX}{i};\n" for i in group)}
        files |= {f"{PREFIX}{i}.rs": candidates[i].code for i in group}
        compiled = self._compiler.check_together(files, first.task.edition, reachable=first.goal == "test")
        spoken = by_file(compiled.stderr)
        if compiled.reason not in ("ok", "compile_error") or compiled.crashed or spoken is None:
            return None
        faulty = at_fault(spoken)
        if compiled.reason != "ok":
            return (faulty, {}) if faulty else None
        clean: dict[int, Compiled] = {}
        for i in group:
            messages = b"\n".join(spoken.get(i, ())).replace(f"{PREFIX}{i}.rs".encode(), b"candidate.rs")
            if PREFIX.encode() in messages:  # a path of a type, which would read differently alone
                faulty.add(i)
                continue
            read = read_diagnostics(messages)
            clean[i] = Compiled(
                "ok", compiled.cpu_ms / len(group), read.kept, read.lints, read.codes, shared=len(group) > 1
            )
        return faulty, clean

    def _build(self, candidates: Sequence[Candidate], checks: Mapping[int, Compiled]) -> dict[int, Start]:
        rest = [i for i, check in checks.items() if check.reason == "ok"]
        programs: dict[int, TestProgram] = {}
        if isinstance(candidates[0].task.tests, RustTests):
            for i in rest:
                program = self._separate.program_for(candidates[i].task, candidates[i].code)
                programs |= {} if program is None else {i: program}
            rest = [i for i in rest if i in programs]
        for _ in range(_ROUNDS):
            if len(rest) < _FEWEST:
                break
            mark = f"{secrets.token_hex(8)}:"
            built = self._build_together({i: candidates[i] for i in rest}, programs, mark)
            if built.reason == "ok":
                if not can_be_stamped(built.artifact, mark):
                    break
                built = replace(built, cpu_ms=built.cpu_ms / len(rest), shared=len(rest) > 1)
                return {i: Start(checks[i], built, mark, place, i, programs.get(i)) for place, i in enumerate(rest)}
            spoken = by_file(built.stderr) if built.reason == "compile_error" and not built.crashed else None
            faulty = at_fault(spoken or {})
            if not faulty:
                break
            rest = [i for i in rest if i not in faulty]
        return {}

    def _build_together(
        self, group: Mapping[int, Candidate], programs: Mapping[int, TestProgram], mark: str
    ) -> Compiled:
        """Build one program of a group: with the cases of value tests, or with servers for tests in Rust."""
        edition = next(iter(group.values())).task.edition
        if not programs:
            return self._compiler.build_together(_harness(group, mark), edition)
        answers = {i: (candidate.code, server_module(programs[i].declared)) for i, candidate in group.items()}
        return self._separate.builder.shared_server(shared_server(answers, mark), edition)


class _Given(Compiler):
    """Compiler that has already checked, and perhaps built, one program; such a program needs no crates."""

    def __init__(self, base: Compiler, start: Start) -> None:
        vars(self).update(vars(base))
        self._base = base
        self._started = start

    def check(self, code: str, edition: Edition, crate_type: CrateType, *, reachable: bool) -> Compiled:
        if self._started.check is not None:
            return self._started.check
        return self._base.check(code, edition, crate_type, reachable=reachable)

    def build_program(self, code: str, edition: Edition) -> Compiled:
        return self._started.built or self._base.build_program(code, edition)

    def build_library(
        self, code: str, edition: Edition, *, forbid_unsafe: bool, beside: Mapping[str, str] | None = None
    ) -> Compiled:
        if self._started.built is not None:
            return Compiled("ok", 0.0, shared=self._started.built.shared)
        return self._base.build_library(code, edition, forbid_unsafe=forbid_unsafe, beside=beside)

    def build_harness(self, source: str, library: bytes, edition: Edition) -> Compiled:
        built = self._started.built
        if built is None:
            return self._base.build_harness(source, library, edition)
        return replace(built, artifact=_stamped(self._started))


class _Watched(AroundSandbox):
    """Record how programs ended: by themselves, without limit or signal; and well: status 0, or failed tests."""

    ended_by_itself = True
    ended_well = True

    def run(self, job: Job) -> JobResult:
        result = super().run(job)
        if result.fault or result.exceeded or (result.exit_code < 0 and not result.cut_off):
            self.ended_by_itself = False
        tests = job.joint is not None and job.joint.until is None
        well = (0, FAILED) if tests else (0,)
        if not self.ended_by_itself or not (result.cut_off or result.exit_code in well):
            self.ended_well = False
        return result


class _Renaming(AroundSandbox):
    """Replace a joined program's file name in panics by the name it has alone."""

    def __init__(self, inner: Sandbox, index: int) -> None:
        super().__init__(inner)
        self._name = f"{PREFIX}{index}.rs".encode()

    def run(self, job: Job) -> JobResult:
        result = super().run(job)
        return replace(result, stderr=result.stderr.replace(self._name, b"candidate.rs"))


def joins(candidate: Candidate) -> bool:
    """Return whether a program may be judged together with others."""
    if candidate.goal == "run" or candidate.task.crates:
        return False
    if candidate.goal == "test" and not isinstance(candidate.task.tests, ValueTests | RustTests):
        return False
    return candidate.task.crate_type in (None, "lib") and may_join(candidate.code, candidate.task.edition)


def _runs(candidate: Candidate) -> bool:
    """Return whether a program is built and run unchanged."""
    graded = candidate.goal == "run" or (candidate.goal == "test" and isinstance(candidate.task.tests, ProgramTests))
    return graded and not candidate.task.crates and crate_type_of(candidate.task, candidate.code) == "bin"


def _is_whole(verdict: Verdict) -> bool:
    """Return whether the program reported every test."""
    return verdict.tests.run == verdict.tests.expected


def likeness(candidate: Candidate) -> tuple[str, str, str]:
    """Return the key that programs of a group share: they are compiled with the same options."""
    tested = candidate.task.tests.kind if candidate.goal == "test" and candidate.task.tests is not None else ""
    return candidate.task.edition, candidate.goal, tested


def _harness(group: Mapping[int, Candidate], mark: str) -> dict[str, str]:
    """Return sources of the harness crate: one file per program, one per program's cases, and the root, first."""
    modules = "".join(f"mod {PREFIX}{i};\nmod tested_{i};\n" for i in group)
    table = ", ".join(f"&tested_{i}::CASES" for i in group)
    cases = f"static MODULES: [&[fn() -> ::std::string::String]; {len(group)}] = [{table}];\n"
    root = f"{modules}{which_function(mark)}{cases}"
    files = {"together.rs": root + VALUE_MAIN.replace("CASES.iter()", "MODULES[which()].iter()")}
    for i, candidate in group.items():
        assert isinstance(candidate.task.tests, ValueTests)
        files[f"{PREFIX}{i}.rs"] = made_callable(candidate.code, candidate.task.tests)
        files[f"tested_{i}.rs"] = value_cases(candidate.task.tests, f"super::{PREFIX}{i}")
    return files


def _stamped(start: Start) -> bytes:
    """Return a copy of the shared program that runs as one of its members."""
    assert start.built is not None
    return stamped(start.built.artifact, start.mark, start.place)
