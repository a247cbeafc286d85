"""Build the test programs of several tasks as one, try their references in one program, and decide what passes.

Nothing here depends on an answer. Only a pass is believed: a task whose tests do not join the others, do not compile
with them, or whose reference does not pass in company, stays open and is decided alone (`separate.decision`).

Not covered: tasks with crates; tests that macros make.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from burnish.records import Edition, Task
from burnish.verify.compiler.compile import Compiled
from burnish.verify.judge.shared_crate_rule import may_join
from burnish.verify.judge.shared_messages import at_fault, by_file
from burnish.verify.judge.shared_servers import can_be_stamped, shared_server, stamped
from burnish.verify.separate.build import TestProgram, TestSource
from burnish.verify.separate.decision import Decision, Separate, Served, key_of
from burnish.verify.separate.programs import HIDDEN, server_module

MOST_JOINED = 32
_ROUNDS = 2
"""Most compilations of a shrinking group."""
_MAIN = re.compile(r"\bmain\b")
_BEYOND = re.compile(r"super\s*::[\s{]*super")


class SharedTasks:
    """Decide tasks of one run together; safe to call from several threads."""

    def __init__(self, separate: Separate) -> None:
        self._separate = separate

    def prepare(self, tasks: Sequence[Task], workers: int) -> None:
        """Decide those that are open and pass, in as many groups as there are workers, or more."""
        by_edition: dict[Edition, dict[str, Task]] = {}
        for task in tasks:
            if self._separate.is_open(task):
                by_edition.setdefault(task.edition, {})[key_of(task)] = task
        groups: list[list[Task]] = []
        for alike in by_edition.values():
            size = min(MOST_JOINED, max(2, -(-len(alike) // workers)))
            listed = list(alike.values())
            groups += [listed[start : start + size] for start in range(0, len(listed), size)]
        groups = [group for group in groups if len(group) > 1]
        if groups:
            with ThreadPoolExecutor(workers, thread_name_prefix="tasks") as threads:
                list(threads.map(self._prepare, groups))

    def _prepare(self, tasks: Sequence[Task]) -> None:
        sources = {i: source for i, task in enumerate(tasks) if (source := self._separate.source(task)) is not None}
        new = {i: s for i, s in sources.items() if not self._separate.builder.is_built(s) and _joins(tasks[i], s)}
        for as_main in (False, True):
            self._build_tests({i: s for i, s in new.items() if s.as_main == as_main}, tasks[0].edition)
        self._try({i: task for i, task in enumerate(tasks) if i in sources and task.reference is not None})

    def _build_tests(self, sources: dict[int, TestSource], edition: Edition) -> None:
        for _ in range(_ROUNDS):
            if len(sources) < 2:
                return
            faulty = _faulty(self._separate.builder.build_tests_together(sources, edition))
            if not faulty:
                return
            sources = {i: source for i, source in sources.items() if i not in faulty}

    def _try(self, tasks: Mapping[int, Task]) -> None:
        """Decide the tasks whose references pass in one program."""
        programs: dict[int, TestProgram] = {}
        for i, task in tasks.items():
            joins = task.reference is not None and may_join(task.reference, task.edition)
            program = self._separate.test_program(task, task.reference or "") if joins else None
            programs |= {} if program is None else {i: program}
        for _ in range(_ROUNDS):
            if len(programs) < 2:
                return
            mark = f"{secrets.token_hex(8)}:"
            answers = {i: (tasks[i].reference or "", server_module(p.declared)) for i, p in programs.items()}
            edition = tasks[next(iter(programs))].edition
            built = self._separate.builder.shared_server(shared_server(answers, mark), edition)
            if built.reason == "ok":
                break
            programs = {i: p for i, p in programs.items() if i not in _faulty(built)}
        if built.reason != "ok" or not can_be_stamped(built.artifact, mark):
            return
        for place, (i, program) in enumerate(programs.items()):
            served = Served(program, Compiled("ok", 0.0, artifact=stamped(built.artifact, mark, place)))
            grade, cpu_ms = self._separate.grade(served)
            if grade.reason == "ok":
                spent = cpu_ms + program.cpu_ms + built.cpu_ms / len(programs)
                self._separate.note(tasks[i], Decision("separate", "its reference passes", cpu_ms=spent))


def _joins(task: Task, source: TestSource) -> bool:
    """Return whether a test program means the same as one module among others.

    Beyond what an answer may hold: it is compiled for tests anyway, ``super`` in the module of its tests stays in its
    own module, and its ``main`` is called from the root.
    """
    own, hidden, tests = source.text.rpartition(f"mod {HIDDEN} {{")
    plain = own + hidden + tests.replace("super::", "self::")
    plain = _MAIN.sub("begin", plain.replace("#[cfg(test)]", "").replace("pub(crate)", "pub"))
    return may_join(plain, task.edition) and not _BEYOND.search(source.text)


def _faulty(built: Compiled) -> set[int]:
    """Return the members of a group whose files have errors."""
    spoken = by_file(built.stderr) if built.reason == "compile_error" and not built.crashed else None
    return at_fault(spoken or {})
