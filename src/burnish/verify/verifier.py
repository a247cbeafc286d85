"""The verifier: completions in, verdicts out, in the same order.

Equal programs with equal checks are judged once; known verdicts come from the cache. An infrastructure fault is tried
again twice, then it is the verdict `infra`, which no one may score; past the budget the whole call stops.

Not covered: rewards (`score`), reading and writing files (`workflows.verify_file`).
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from burnish.config.verify import VerifyConfig
from burnish.errors import InfraBudgetError
from burnish.fsio import digest_json
from burnish.progress import progress
from burnish.protocols import Sandbox, VerdictCache
from burnish.records import Completion, Task, Verdict
from burnish.verify.cache import MemoryVerdictCache, SqliteVerdictCache, may_store
from burnish.verify.extract import extract
from burnish.verify.ladder import Goal, Ladder, deepest_goal, policy_parts
from burnish.verify.metrics import prompt_metrics
from burnish.verify.pool import default_workers, run_pool
from burnish.verify.prepared import PreparedSandbox
from burnish.verify.sandbox.opening import open_sandbox
from burnish.verify.toolchain import find_toolchain

RETRIES = 2
MOST_CODE_BYTES = 1 << 20
"""A longer program is refused before a compiler sees it."""


@dataclass(frozen=True)
class _Program:
    """One program to judge: what all equal candidates share."""

    key: str
    task: Task
    code: str
    goal: Goal


class Verifier:
    """Judges what models write. Use as a context manager, so that nothing is left running.

    >>> from burnish.config.verify import VerifyConfig
    >>> from burnish.records import Completion, Message, Task, ValueCase, ValueTests
    >>> case = ValueCase(call="add(2, 3)", type="i64", expected="5")
    >>> task = Task(id="add", family="doc", prompt=(Message(role="user", content="Write add."),),
    ...             tests=ValueTests(cases=(case,)))
    >>> answer = Completion(task_id="add", text="pub fn add(a: i64, b: i64) -> i64 { a + b }")
    >>> with Verifier(VerifyConfig(workers=1)) as verifier:
    ...     verdict = verifier.verify([(task, answer)])[0]
    >>> verdict.status, verdict.stage, verdict.tests.passed, verdict.lint_free
    ('pass', 'test', 1, True)

    Raises MissingToolError or SandboxError when nothing can be judged safely here. ``sandbox`` and ``cache`` replace
    the ones that ``config`` names; without either, verdicts are kept for the life of the verifier.
    """

    def __init__(
        self, config: VerifyConfig, *, sandbox: Sandbox | None = None, cache: VerdictCache | None = None
    ) -> None:
        self._workers = config.workers or default_workers()
        self._budget = config.infra_budget
        toolchain = find_toolchain()
        self._owned = open_sandbox(config) if sandbox is None else None
        self._sandbox = self._owned if self._owned is not None else sandbox
        assert self._sandbox is not None
        self._file = SqliteVerdictCache(config.cache) if cache is None and config.cache is not None else None
        self._cache: VerdictCache = cache or self._file or MemoryVerdictCache()
        self._prepared = PreparedSandbox(self._owned, toolchain) if self._owned is not None else None
        self._ladder = Ladder(self._prepared or self._sandbox, toolchain)
        self._stopping = threading.Event()
        self.digest = digest_json([toolchain.digest, policy_parts()])
        """Digest of toolchain, lint set and policy: two verifiers with the same one give the same verdicts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs, and close sandbox and cache."""
        if self._prepared is not None:
            self._prepared.close()
        if self._owned is not None:
            self._owned.close()
        if self._file is not None:
            self._file.close()

    def verify(
        self,
        pairs: Sequence[tuple[Task, Completion]],
        *,
        goals: Sequence[Goal | None] | None = None,
        on_verdict: Callable[[Verdict], None] | None = None,
    ) -> list[Verdict]:
        """Verdicts in the order of ``pairs``.

        ``goals`` limits how deep each candidate is judged (None: as deep as its task allows). ``on_verdict`` is called
        in this thread with each verdict as it completes. Raises InfraBudgetError when too large a share could not be
        judged; verdicts found until then are in the cache.
        """
        verdicts: list[Verdict | None] = [None] * len(pairs)
        places: dict[str, list[int]] = {}
        programs: dict[str, _Program] = {}
        with progress("verify", total=len(pairs), unit="verdicts") as bar:
            compiled: Counter[bool] = Counter()

            def settle(index: int, verdict: Verdict) -> None:
                task, completion = pairs[index]
                own: dict[str, object] = {"task_id": task.id, "sample_index": completion.sample_index}
                own["metrics"] = verdict.metrics | prompt_metrics(task, verdict.code)
                verdicts[index] = settled = verdict.model_copy(update=own)
                compiled[bool(settled.compiled)] += 1
                bar.advance(1, compiled=f"{100 * compiled[True] // compiled.total()} %")
                if on_verdict is not None:
                    on_verdict(settled)

            for index, (task, completion) in enumerate(pairs):
                found = self._program(task, completion, goals[index] if goals is not None else None)
                if isinstance(found, Verdict):
                    settle(index, found)
                else:
                    programs.setdefault(found.key, found)
                    places.setdefault(found.key, []).append(index)
            for key, verdict in self._cache.get_many(places).items():
                for index in places[key]:
                    settle(index, verdict.model_copy(update={"cached": True}))
                del programs[key]
            self._judge_all(list(programs.values()), places, settle, len(pairs))
        return [v for v in verdicts if v is not None]

    def _judge_all(
        self,
        programs: Sequence[_Program],
        places: dict[str, list[int]],
        settle: Callable[[int, Verdict], None],
        total: int,
    ) -> None:
        faults = 0
        self._stopping.clear()
        if self._owned is not None:
            self._owned.resume()
        results = run_pool(programs, self._judge, workers=self._workers, cancel=self._cancel)
        with contextlib.closing(results):
            for program, (verdict, fault) in results:
                if may_store(verdict):
                    self._cache.put(program.key, verdict)
                for index in places[program.key]:
                    settle(index, verdict)
                faults += len(places[program.key]) if fault else 0
                if faults > self._budget * total:
                    raise InfraBudgetError(
                        f"{faults} of {total} candidates could not be judged, the last one because: {verdict.detail}.",
                        f"At most {self._budget:.0%} may (verify.infra_budget); verdicts until now are kept. "
                        "Run burnish doctor.",
                    )

    def _program(self, task: Task, completion: Completion, goal: Goal | None) -> _Program | Verdict:
        """The program to judge, or the verdict when there is none."""
        code = extract(completion.text, task.code_prompt, task.entry_point)
        if code is None:
            return self._without_program("no_code", "the completion holds no Rust code")
        if len(code.encode(errors="replace")) > MOST_CODE_BYTES:
            return self._without_program("output_limit", "the program is longer than 1 MiB")
        reached = goal or deepest_goal(task, code)
        tests = task.tests.model_dump() if task.tests is not None and reached == "test" else None
        declared = [task.code_prompt, task.reference, task.entry_point] if tests is not None else None
        made_as = [task.edition, task.crate_type, list(task.crates)]
        key = digest_json([self.digest, code, *made_as, reached, tests, declared])
        return _Program(key, task, code, reached)

    def _without_program(self, reason: Literal["no_code", "output_limit"], detail: str) -> Verdict:
        return Verdict(
            task_id="", status="fail", stage="extract", reason=reason, compiled=False, detail=detail,
            toolchain=self._ladder.toolchain_name,
        )  # fmt: skip

    def _judge(self, program: _Program) -> tuple[Verdict, bool]:
        """The verdict, and whether it is a fault of the machine (a task that cannot be judged here is none)."""
        verdict = self._ladder.judge(program.task, program.code, program.goal)
        for _ in range(RETRIES):
            if not _is_fault(verdict) or self._stopping.is_set():
                break
            verdict = self._ladder.judge(program.task, program.code, program.goal)
        return verdict, _is_fault(verdict)

    def _cancel(self) -> None:
        self._stopping.set()
        if self._owned is not None:
            self._owned.stop()


def _is_fault(verdict: Verdict) -> bool:
    return verdict.status == "infra" and verdict.stage != "extract"
