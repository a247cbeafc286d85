"""Several programs in one compilation: checked together as modules of one crate, built together into one harness.

What a compiler says is given to the program whose file it names. Whoever is at fault leaves and is judged alone, the
rest is compiled again; anything odd (crash, limit, a message that names no program) sends all to be judged alone. Each
run is still a process of its own in a sandbox of its own: the harness holds all modules, and a number stamped into its
copy says which one runs. The harness is built with ``-F unsafe_code``, so no module can reach another.

Company never shows: a run of the harness that does not end by itself with status 0 and a whole report (a signal, a
limit, another status, a missing mark) says nothing, and its program is judged alone; a harness whose modules bring
large statics is not run at all. Not covered: programs with ``fn main``, dependency sets; which programs may join
(`shared_crate_rule`).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from burnish.protocols import Job, JobResult, Sandbox, can_join
from burnish.records import CrateType, Edition, ProgramTests, RustTests, Task, ValueTests, Verdict
from burnish.verify.compiler.compile import Compiled, Compiler
from burnish.verify.compiler.dependency_set import DependencySet
from burnish.verify.compiler.diagnostics import read_diagnostics
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.grader.values import VALUE_MAIN, made_callable, value_cases
from burnish.verify.judge.ladder import Goal, Ladder, crate_type_of
from burnish.verify.judge.shared_crate_rule import PREFIX, may_join
from burnish.verify.judge.shared_servers import shared_server, stamp, which_function
from burnish.verify.sandbox.limits.executable import memory_asked
from burnish.verify.separate.build import TestProgram
from burnish.verify.separate.decision import Decision, Separate, Served
from burnish.verify.separate.grading import FAILED
from burnish.verify.separate.programs import server_module
from burnish.verify.separate.store import ProgramStore

MOST_JOINED = 32
_ROUNDS = 3
"""Compilations of a shrinking batch before the rest is judged one by one."""
_FEWEST = 3
_WORTH_JOINING, _WORTH_TRYING = 0.75, 0.75
"""Shares from which it costs less: of good programs, to check together; of those that one pass settles, to try that."""
_MOST_STATICS = 4 << 20
"""Writable bytes of a harness; those of one module would be taken from what the others may use."""
_OWN_FILE = re.compile(r"(?:joined|tested)_(\d+)\.rs")


Together = Literal["never", "worth", "always"]
"""Whether work is shared between programs, and between check and build: where it lately was worth it, by default."""


@dataclass(frozen=True)
class Candidate:
    """One program to judge."""

    task: Task
    code: str
    goal: Goal


@dataclass(frozen=True)
class Start:
    """What was found out about one program together with others; nothing when it is to be judged alone."""

    check: Compiled | None = None
    built: Compiled | None = None
    """The harness that holds the program; shared by all that were built with it."""
    mark: str = ""
    place: int = 0
    number: int = 0
    """In the names of the program's files."""
    tests: TestProgram | None = None
    """The test program of its task, where ``built`` serves calls from there."""


class BatchJudge:
    """Judges groups of programs with the verdicts that `Ladder` gives to each alone; safe to call from threads.

    ``start`` compiles a group, ``finish`` gives one program's verdict; the second may go on in another thread.
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
        self._settled = 1.0  # share of programs that one pass settled lately
        self._good = 1.0  # share of programs that compiled lately: checking together pays only when most do

    @property
    def toolchain_name(self) -> str:
        """As verdicts carry it."""
        return self._alone.toolchain_name

    def grading_of(self, task: Task) -> Decision | None:
        """How a task's tests in Rust are graded; None where it has none, or its crates are not here."""
        if not isinstance(task.tests, RustTests) or self._compiler.dependencies.missing(task.crates):
            return None
        return self._separate.decide(task)

    def joins(self, one: Candidate) -> bool:
        """Whether a program may be judged together with others."""
        return self._together != "never" and joins(one)

    def start(self, group: Sequence[Candidate]) -> list[Start]:
        """Compile a group whose members `joins` and agree in `likeness`; at most `MOST_JOINED`."""
        numbers = range(len(group))
        checks = self._check(group, numbers)
        starts = {i: Start(check=checks[i], number=i) for i in numbers}
        if group[0].goal == "test":
            starts |= self._build(group, checks)
        return [starts[i] for i in numbers]

    def finish(self, one: Candidate, start: Start) -> Verdict:
        """The verdict on one program; ``task_id`` and ``sample_index`` are for the caller to fill in."""
        if start.check is None:
            return self._judge_alone(one)
        if start.built is None:
            return self._given(one, start, self._sandbox)
        watched = _Watched(_Renaming(self._sandbox, start.number))
        verdict = self._given(one, start, watched)
        if watched.ended_well and _is_whole(verdict):
            return verdict
        return self._given(one, Start(check=start.check), self._sandbox)  # in company it may not be its own fault

    def _pays(self, share: float, worth: float) -> bool:
        return self._together == "always" or (self._together == "worth" and share > worth)

    def _judge_alone(self, one: Candidate) -> Verdict:
        if not _runs(one):
            return self._alone.judge(one.task, one.code, one.goal)
        if not self._pays(self._settled, _WORTH_TRYING):
            return self._alone.judge(one.task, one.code, one.goal)
        known, verdict = self._in_one_pass(one)
        self._settled += ((verdict is not None) - self._settled) / 64
        return verdict or self._given(one, known, self._sandbox)

    def _in_one_pass(self, one: Candidate) -> tuple[Start, Verdict | None]:
        """What is known after one compilation for check and build, and the verdict where that settles it.

        A program that ran and ended by itself, well or not, does so however it is compiled. One that a signal or a
        limit ended is built again in the ordinary way.
        """
        built = self._compiler.check_and_build(one.code, one.task.edition)
        if built is None:
            return Start(), None
        start = Start(check=built, built=replace(built, cpu_ms=0.0) if built.reason == "ok" else None)
        watched = _Watched(self._sandbox)
        verdict = self._given(one, start, watched)
        return Start(check=built), verdict if watched.ended_by_itself else None

    def _given(self, one: Candidate, start: Start, sandbox: Sandbox) -> Verdict:
        """The verdict on one program, with what is known of it."""
        given = _Given(self._compiler, start)
        served = None
        if start.tests is not None and start.built is not None:
            served = Served(start.tests, replace(start.built, artifact=_stamped(start)))
        return self._alone.within(sandbox, given, served).judge(one.task, one.code, one.goal)

    def _check(self, candidates: Sequence[Candidate], group: Sequence[int]) -> dict[int, Compiled]:
        found: dict[int, Compiled] = {}
        rest = list(group)
        for _ in range(_ROUNDS):
            if len(rest) < _FEWEST or not self._pays(self._good, _WORTH_JOINING):
                break
            said = self._check_together(candidates, rest)
            if said is None:
                break
            faulty, clean = said
            found.update(clean)
            rest = [i for i in rest if i not in clean and i not in faulty]
            if not faulty or not rest:
                break
        for i in group:
            if i not in found:
                one = candidates[i]
                found[i] = self._compiler.check(one.code, one.task.edition, "lib", reachable=one.goal == "test")
            self._good += ((found[i].reason == "ok") - self._good) / 64
        return found

    def _check_together(
        self, candidates: Sequence[Candidate], group: Sequence[int]
    ) -> tuple[set[int], dict[int, Compiled]] | None:
        """Who is at fault, and (when nobody is) what each one's check says; None when it cannot be told."""
        first = candidates[group[0]]
        files = {"together.rs": "".join(f"pub mod {PREFIX}{i};\n" for i in group)}
        files |= {f"{PREFIX}{i}.rs": candidates[i].code for i in group}
        compiled = self._compiler.check_together(files, first.task.edition, reachable=first.goal == "test")
        spoken = _by_file(compiled.stderr)
        if compiled.reason not in ("ok", "compile_error") or compiled.crashed or spoken is None:
            return None
        faulty = _at_fault(spoken)
        if compiled.reason != "ok":
            return (faulty, {}) if faulty else None
        clean: dict[int, Compiled] = {}
        for i in group:
            said = b"\n".join(spoken.get(i, ())).replace(f"{PREFIX}{i}.rs".encode(), b"candidate.rs")
            if PREFIX.encode() in said:  # a path of a type: alone it would read otherwise
                faulty.add(i)
                continue
            read = read_diagnostics(said)
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
                statics = memory_asked(built.artifact, writable=True)
                if built.artifact.count(stamp(mark, 0)) != 1 or statics > _MOST_STATICS:
                    break
                built = replace(built, cpu_ms=built.cpu_ms / len(rest), shared=len(rest) > 1)
                return {i: Start(checks[i], built, mark, place, i, programs.get(i)) for place, i in enumerate(rest)}
            spoken = _by_file(built.stderr) if built.reason == "compile_error" and not built.crashed else None
            faulty = _at_fault(spoken or {})
            if not faulty:
                break
            rest = [i for i in rest if i not in faulty]
        return {}

    def _build_together(
        self, group: Mapping[int, Candidate], programs: Mapping[int, TestProgram], mark: str
    ) -> Compiled:
        """One program of a group: with the cases of value tests, or with servers for tests in Rust."""
        edition = next(iter(group.values())).task.edition
        if not programs:
            return self._compiler.build_together(_harness(group, mark), edition)
        answers = {i: (one.code, server_module(programs[i].declared)) for i, one in group.items()}
        return self._separate.build_shared(shared_server(answers, mark), edition)


class _Given(Compiler):
    """A compiler that has checked, and perhaps built, one program already; such a program needs no crates."""

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


class _Watched:
    """Notes how programs ended: by themselves, at no limit and by no signal; and well: status 0, or failed tests."""

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner
        self.ended_by_itself = True
        self.ended_well = True

    @property
    def layers(self) -> tuple[str, ...]:
        return self._inner.layers

    @property
    def joins(self) -> bool:
        return can_join(self._inner)

    def run(self, job: Job) -> JobResult:
        result = self._inner.run(job)
        if result.fault or result.exceeded or (result.exit_code < 0 and not result.cut_off):
            self.ended_by_itself = False
        tests = job.joint is not None and job.joint.until is None
        well = (0, FAILED) if tests else (0,)
        if not self.ended_by_itself or not (result.cut_off or result.exit_code in well):
            self.ended_well = False
        return result


class _Renaming:
    """Gives a joined program's file the name it has alone, where a panic speaks of it."""

    def __init__(self, inner: Sandbox, index: int) -> None:
        self._inner = inner
        self._name = f"{PREFIX}{index}.rs".encode()

    @property
    def layers(self) -> tuple[str, ...]:
        return self._inner.layers

    @property
    def joins(self) -> bool:
        return can_join(self._inner)

    def run(self, job: Job) -> JobResult:
        result = self._inner.run(job)
        return replace(result, stderr=result.stderr.replace(self._name, b"candidate.rs"))


def joins(one: Candidate) -> bool:
    """Whether a program may be judged together with others."""
    if one.goal == "run" or one.task.crates:
        return False
    if one.goal == "test" and not isinstance(one.task.tests, ValueTests | RustTests):
        return False
    return one.task.crate_type in (None, "lib") and may_join(one.code, one.task.edition)


def _runs(one: Candidate) -> bool:
    """Whether a program is built and run as it is."""
    graded = one.goal == "run" or (one.goal == "test" and isinstance(one.task.tests, ProgramTests))
    return graded and not one.task.crates and crate_type_of(one.task, one.code) == "bin"


def _is_whole(verdict: Verdict) -> bool:
    """Whether the program reported every test."""
    return verdict.tests.run == verdict.tests.expected


def likeness(one: Candidate) -> tuple[str, str, str]:
    """Programs of a group agree in this: they are compiled with the same options."""
    tested = one.task.tests.kind if one.goal == "test" and one.task.tests is not None else ""
    return one.task.edition, one.goal, tested


def _by_file(stderr: bytes) -> dict[int, list[bytes]] | None:
    """A compiler's messages by the program whose file they are about; None when an error is about none."""
    found: dict[int, list[bytes]] = {}
    for line in stderr.splitlines():
        if not line.startswith(b"{"):
            continue
        try:
            message = json.loads(line)
        except ValueError:
            return None
        spans = message.get("spans") or []
        owners = {match[1] for s in spans if (match := _OWN_FILE.fullmatch(s["file_name"]))}
        if len(owners) == 1:
            found.setdefault(int(owners.pop()), []).append(line)
        elif spans or message.get("code"):
            return None
    return found


def _harness(group: Mapping[int, Candidate], mark: str) -> dict[str, str]:
    """Sources of the harness crate: one file per program, one per program's cases, and the root, which is first."""
    modules = "".join(f"mod {PREFIX}{i};\nmod tested_{i};\n" for i in group)
    table = ", ".join(f"&tested_{i}::CASES" for i in group)
    cases = f"static MODULES: [&[fn() -> ::std::string::String]; {len(group)}] = [{table}];\n"
    root = f"{modules}{which_function(mark)}{cases}"
    files = {"together.rs": root + VALUE_MAIN.replace("CASES.iter()", "MODULES[which()].iter()")}
    for i, one in group.items():
        assert isinstance(one.task.tests, ValueTests)
        files[f"{PREFIX}{i}.rs"] = made_callable(one.code, one.task.tests)
        files[f"tested_{i}.rs"] = value_cases(one.task.tests, f"super::{PREFIX}{i}")
    return files


def _stamped(start: Start) -> bytes:
    """The shared program as that of one of its members."""
    assert start.built is not None
    return start.built.artifact.replace(stamp(start.mark, 0), stamp(start.mark, start.place))


def _at_fault(spoken: Mapping[int, Sequence[bytes]]) -> set[int]:
    return {i for i, lines in spoken.items() if read_diagnostics(b"\n".join(lines)).errors}
