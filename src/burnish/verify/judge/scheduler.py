"""Schedule one call of the verifier: pairs in, settled verdicts out as they complete, memory bounded by a window.

Pairs are admitted as workers become free. Known verdicts come from the cache; equal programs in flight are judged once;
plain programs are compiled in groups (`batch`), each then finished separately; the others are judged one by one.

Not covered: deciding a verdict (`ladder`), budgets and order (`verifier`).
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

from burnish.protocols import VerdictCache
from burnish.records import Completion, Task, Verdict
from burnish.verify.judge.batch import MOST_JOINED, BatchJudge, Candidate, Start, likeness
from burnish.verify.judge.cache import may_store
from burnish.verify.judge.ladder import Goal
from burnish.verify.judge.pool import run_pool

RETRIES = 2
WINDOW = 256
"""Pairs looked up at once."""
MOST_HELD = 1024
"""Most pairs between the oldest without a verdict and the newest admitted one, when order is required."""

Pair = tuple[Task, Completion, Goal | None]


@dataclass(frozen=True)
class Program:
    """Program to judge, shared by all equal candidates."""

    key: str
    candidate: Candidate


@dataclass(frozen=True)
class Settled:
    """A pair's index in the input, the pair, and its verdict. ``fault``: the machine could not judge it."""

    index: int
    task: Task
    completion: Completion
    verdict: Verdict
    fault: bool = False


@dataclass(frozen=True)
class _Group:
    """Programs to compile together."""

    programs: tuple[Program, ...]


@dataclass(frozen=True)
class _Single:
    """Program to finish."""

    program: Program
    start: Start


_Job = _Group | _Single
_Made = list[Start] | tuple[Verdict, bool]


class Flow:
    """Schedule of one call. The reader raises ``settled_until`` to let admission continue."""

    def __init__(
        self,
        judge: BatchJudge,
        cache: VerdictCache,
        program_of: Callable[[Task, Completion, Goal | None], Program | Verdict],
        usable: Callable[[Verdict], bool],
        stopping: threading.Event,
    ) -> None:
        self._judge = judge
        self._cache = cache
        self._program_of = program_of
        self._usable = usable
        self._stopping = stopping
        self._taken = 0
        self._groups = 0
        self._ready: deque[Settled] = deque()
        self._jobs: deque[_Job] = deque()
        self._places: dict[str, list[tuple[int, Task, Completion]]] = {}
        self.settled_until: int | None = None
        """All pairs before this index were yielded; None when order does not matter."""

    def run(self, pairs: Iterable[Pair], *, workers: int, cancel: Callable[[], None]) -> Generator[Settled]:
        """Yield verdicts as they complete."""
        jobs: Iterator[_Job | None] = self._intake(iter(pairs), workers)
        results: Generator[tuple[_Job, _Made] | None] = run_pool(jobs, self._work, workers=workers, cancel=cancel)
        with contextlib.closing(results):
            for result in results:
                if result is not None:
                    self._note(*result)
                while self._ready:
                    yield self._ready.popleft()

    def _intake(self, pairs: Iterator[Pair], workers: int) -> Iterator[_Job | None]:
        while True:
            if self._ready:
                yield None
            # Finished verdicts go first (None lets the caller yield them), then ready jobs, then new input.
            elif self._jobs:
                yield self._jobs.popleft()
            # Bound on memory: the reader wants order, and too many verdicts wait behind an unfinished one.
            elif self.settled_until is not None and self._taken - self.settled_until > MOST_HELD:
                yield None
            elif window := list(itertools.islice(pairs, WINDOW)):
                self._take(window, workers)
                if not self._jobs:  # all are known, or equal to one in flight: let that one finish
                    yield None
            # No input left, but running group checks will still produce jobs.
            elif self._groups:
                yield None
            else:
                return

    def _take(self, window: list[Pair], workers: int) -> None:
        programs: dict[str, Program] = {}
        for task, completion, goal in window:
            index, self._taken = self._taken, self._taken + 1
            prepared = self._program_of(task, completion, goal)
            if isinstance(prepared, Verdict):
                self._ready.append(Settled(index, task, completion, prepared))
                continue
            # Equal programs (same key) are judged once; `_places` lists all pairs that wait for the verdict.
            if prepared.key not in self._places:
                programs[prepared.key] = prepared
            self._places.setdefault(prepared.key, []).append((index, task, completion))
        # One query per window. Verdicts without a required isolation layer are not usable and are judged again.
        for key, verdict in self._cache.get_many(programs).items():
            if self._usable(verdict):
                del programs[key]
                self._settle(key, verdict.model_copy(update={"cached": True}), fault=False)
        self._judge.prepare([p.candidate.task for p in programs.values() if p.candidate.goal == "test"], workers)
        # Only plain programs with the same edition and goal may share a crate; others are compiled alone.
        alike: dict[tuple[str, str, str], list[Program]] = {}
        for program in programs.values():
            if self._judge.joins(program.candidate):
                alike.setdefault(likeness(program.candidate), []).append(program)
            else:
                self._jobs.append(_Single(program, Start()))
        for together in alike.values():
            # At least one group per worker, so that no core is idle; at most MOST_JOINED programs per crate.
            groups = max(workers, -(-len(together) // MOST_JOINED))
            size = -(-len(together) // groups)
            self._jobs.extend(_Group(tuple(together[s : s + size])) for s in range(0, len(together), size))
        self._groups += sum(isinstance(job, _Group) for job in self._jobs)

    def _work(self, job: _Job) -> _Made:
        if isinstance(job, _Group):
            return self._judge.start([p.candidate for p in job.programs])
        verdict = self._judge.finish(job.program.candidate, job.start)
        # A retry starts from scratch and alone: the shared compilation may be the cause of the fault.
        for _ in range(RETRIES):
            if not _is_fault(verdict) or self._stopping.is_set():
                break
            verdict = self._judge.finish(job.program.candidate, Start())
        return verdict, _is_fault(verdict)

    def _note(self, job: _Job, made: _Made) -> None:
        if isinstance(made, list):
            assert isinstance(job, _Group)
            self._groups -= 1
            # before other waiting jobs, so that harnesses do not pile up in memory
            self._jobs.extendleft(_Single(p, start) for p, start in zip(job.programs, made, strict=True))
            return
        assert isinstance(job, _Single)
        verdict, fault = made
        if may_store(verdict):
            self._cache.put(job.program.key, verdict)
        self._settle(job.program.key, verdict, fault=fault)

    def _settle(self, key: str, verdict: Verdict, *, fault: bool) -> None:
        for index, task, completion in self._places.pop(key):
            self._ready.append(Settled(index, task, completion, verdict, fault))


def _is_fault(verdict: Verdict) -> bool:
    """Return whether the machine failed (a task that cannot be judged here is not a fault)."""
    return verdict.status == "infra" and verdict.stage != "extract"
