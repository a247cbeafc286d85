"""Verify completions: completions in, verdicts out, in the same order.

Equal programs with equal checks are judged once; known verdicts come from the cache. An infrastructure fault is retried
twice, then it is the verdict `infra`, which must not be scored; beyond the budget the whole call stops.

Not covered: rewards (`score`), reading and writing files (`workflows.verify.file`).
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Self

from burnish.config.verify import VerifyConfig
from burnish.fsio import digest_json
from burnish.progress import progress
from burnish.protocols import Sandbox, VerdictCache
from burnish.records import Completion, RustTests, Task, Verdict
from burnish.syntax.source import can_be_read
from burnish.verify.compiler.dependency_set import load_set
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.judge.batch import BatchJudge, Candidate, Together
from burnish.verify.judge.bounds import MOST_ANSWER_BYTES, bounded, is_too_long
from burnish.verify.judge.cache import MemoryVerdictCache, SqliteVerdictCache
from burnish.verify.judge.infra_budget import ENOUGH, KEPT, too_many_faults
from burnish.verify.judge.ladder import Goal, deepest_goal, policy_parts
from burnish.verify.judge.pool import default_workers
from burnish.verify.judge.scheduler import Flow, Pair, Program, Settled
from burnish.verify.metrics import prompt_metrics
from burnish.verify.prepared import PreparedSandbox
from burnish.verify.reading import extract
from burnish.verify.reading.judged_task import as_judged
from burnish.verify.reading.shown import text_of_prompt
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.layers import OWN_COMPILE_SANDBOX, UNSAFE, missing, require_layers
from burnish.verify.sandbox.limits.open_files import allow_open_files
from burnish.verify.sandbox.open_sandbox import open_sandbox
from burnish.verify.separate.decision import Decision, refuse_in_process
from burnish.verify.separate.store import ProgramStore

MOST_CODE_BYTES = 1 << 20
"""Most bytes of a program; a longer one is refused before compilation."""


class Verifier:
    """Judge completions of models. Use as a context manager, so that nothing is left running.

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
    the ones that ``config`` names; without either, verdicts are kept for the life of the verifier. ``together`` says
    when programs may share a compilation (`verify.judge.batch`), ``prepared`` whether they share a loaded compiler
    (`burnish.verify.prepared`; in a bubblewrap that the verifier opens itself). Verdicts are the same
    (`benchmarks/same_verdicts.py`), but those that shared lack the layer ``own-compile-sandbox``; where
    ``min_isolation`` requires it, nothing is shared.
    """

    def __init__(
        self,
        config: VerifyConfig,
        *,
        sandbox: Sandbox | None = None,
        cache: VerdictCache | None = None,
        together: Together = "worth",
        prepared: bool = True,
    ) -> None:
        self._workers = config.workers or default_workers()
        allow_open_files(self._workers)
        self._budget = config.infra_budget
        toolchain = find_toolchain()
        self._owned = open_sandbox(config) if sandbox is None else None
        self._sandbox = self._owned if self._owned is not None else sandbox
        assert self._sandbox is not None
        self._required = config.min_isolation
        self._separate_only = config.min_grading == "separate"
        require_layers(self._required, self._sandbox.layers)
        self._file = SqliteVerdictCache(config.cache) if cache is None and config.cache is not None else None
        self._cache: VerdictCache = cache or self._file or MemoryVerdictCache()
        self._prepared = None
        if OWN_COMPILE_SANDBOX in self._required:
            together, prepared = "never", False
        if prepared and isinstance(self._owned, BubblewrapSandbox):
            self._prepared = PreparedSandbox(self._owned, toolchain)
        dependencies = load_set(toolchain, config.dependencies)
        self.crates = frozenset(dependencies.crates)
        """Crates of the dependency set, which any program may use."""
        store = ProgramStore(_beside(config.cache)) if config.cache is not None else ProgramStore()
        self._judge = BatchJudge(self._prepared or self._sandbox, toolchain, dependencies, together, store)
        self._stopping = threading.Event()
        # Verdicts without a sandbox must not mix with those of one.
        unsafe = [UNSAFE] if self._sandbox.layers[0] == UNSAFE else []
        self.digest = digest_json([toolchain.digest, dependencies.digest, policy_parts(), *unsafe])
        """Digest of toolchain, dependencies, lints and policy: verifiers with equal digests give equal verdicts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop running jobs, and close sandbox and cache."""
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
        """Return verdicts in the order of ``pairs``.

        ``goals`` limits how deep each candidate is judged (None: as deep as its task allows). ``on_verdict`` is called
        in this thread with each verdict as it completes. Raises InfraBudgetError when too large a share could not be
        judged; earlier verdicts are in the cache. Raises DataError as `gradings` does.
        """
        if self._separate_only:
            self.gradings({task.id: task for task, _ in pairs}.values())
        verdicts: dict[int, Verdict] = {}
        with progress("verify", total=len(pairs), unit="verdicts") as bar:
            compiled: Counter[bool] = Counter()
            goal_of_each = goals if goals is not None else [None] * len(pairs)
            triples = ((*pair, goal) for pair, goal in zip(pairs, goal_of_each, strict=True))
            with contextlib.closing(self._settled(self._flow(), triples, len(pairs))) as results:
                for index, verdict in results:
                    verdicts[index] = verdict
                    compiled[bool(verdict.compiled)] += 1
                    bar.advance(1, compiled=f"{100 * compiled[True] // compiled.total()} %")
                    if on_verdict is not None:
                        on_verdict(verdict)
        return [verdicts[index] for index in range(len(pairs))]

    def stream(
        self,
        pairs: Iterable[tuple[Task, Completion]],
        *,
        goal: Goal | None = None,
        ordered: bool = True,
        infra_budget: float | None = None,
    ) -> Generator[Verdict]:
        """Yield verdicts of pairs, also of an endless source; pairs are admitted as workers become free.

        In the order of ``pairs``, or as they complete. At most some thousand pairs are held at a time. Closing the
        generator stops running jobs. Raises InfraBudgetError as `verify` does, by ``infra_budget`` if given.
        """
        flow = self._flow()
        if ordered:
            flow.settled_until = 0
        held: dict[int, Verdict] = {}
        triples = ((*pair, goal) for pair in pairs)
        with contextlib.closing(self._settled(flow, triples, None, infra_budget)) as results:
            for index, verdict in results:
                if flow.settled_until is None:
                    yield verdict
                    continue
                held[index] = verdict
                while flow.settled_until in held:
                    yield held.pop(flow.settled_until)
                    flow.settled_until += 1

    def grading_of(self, task: Task) -> Decision | None:
        """Return how and why a task's tests in Rust are graded so; None without any, or when crates are missing."""
        return self._judge.grading_of(as_judged(task).task)

    def gradings(self, tasks: Iterable[Task]) -> dict[str, Decision]:
        """Return `grading_of` the tasks that have one, by id; builds missing test programs.

        Raises DataError if ``min_grading`` is ``separate`` and a task's tests must run in the answer's process.
        """
        tested = [task for task in tasks if isinstance(task.tests, RustTests)]
        self._judge.prepare([as_judged(task).task for task in tested], self._workers)
        with ThreadPoolExecutor(self._workers) as threads:
            decided = zip(tested, threads.map(self.grading_of, tested), strict=True)
            decisions = {task.id: decision for task, decision in decided if decision is not None}
        if self._separate_only:
            refuse_in_process(decisions)
        return decisions

    def _flow(self) -> Flow:
        return Flow(self._judge, self._cache, self._program, self._is_enough, self._stopping)

    def _settled(
        self, flow: Flow, pairs: Iterable[Pair], total: int | None, infra_budget: float | None = None
    ) -> Generator[tuple[int, Verdict]]:
        """Yield index and verdict, as they complete."""
        faults, budget = 0, self._budget if infra_budget is None else infra_budget
        self._stopping.clear()
        if self._owned is not None:
            self._owned.resume()
        results = flow.run(pairs, workers=self._workers, cancel=self._cancel)
        with contextlib.closing(results):
            for count, settled in enumerate(results, 1):
                yield settled.index, _own(settled)
                faults += settled.fault
                of = total if total is not None else max(count, ENOUGH)
                if faults > budget * of:
                    raise too_many_faults(f"{faults} of {of} candidates", settled.verdict, share=budget, kept=KEPT)

    def _is_enough(self, verdict: Verdict) -> bool:
        """Return whether a stored verdict has all layers that are now required."""
        return not missing(self._required, verdict.isolation)

    def _program(self, task: Task, completion: Completion, goal: Goal | None) -> Program | Verdict:
        """Return the program to judge, or the verdict when there is none."""
        if is_too_long(completion.text):
            return self._without_program("too_long", f"the answer is longer than {MOST_ANSWER_BYTES >> 10} KiB")
        judged = as_judged(task)
        prompt_text = text_of_prompt(task.prompt) if task.code_prompt is None else ""
        code = extract(
            completion.text, task.code_prompt, task.entry_point,
            tests=judged.test_source, closes=judged.closes, prompt_text=bounded(prompt_text),
        )  # fmt: skip
        task = judged.task
        if code is None:
            return self._without_program("no_code", "the completion has no Rust code")
        if len(code.encode(errors="replace")) > MOST_CODE_BYTES:
            return self._without_program("output_limit", "the program is longer than 1 MiB")
        if not can_be_read(code):
            return self._without_program("too_long", "its syntax takes more steps to read than that of any program")
        reached = goal or deepest_goal(task, code)
        if self._separate_only and reached == "test":
            self.gradings([task])
        tests = task.tests.model_dump() if task.tests is not None and reached == "test" else None
        declared = [task.code_prompt, task.reference, task.entry_point] if tests is not None else None
        made_as = [task.edition, task.crate_type, list(task.crates)]
        key = digest_json([self.digest, code, *made_as, reached, tests, declared])
        return Program(key, Candidate(task, code, reached))

    def _without_program(self, reason: Literal["no_code", "output_limit", "too_long"], detail: str) -> Verdict:
        return Verdict(
            task_id="", status="fail", stage="extract", reason=reason, compiled=False, detail=detail,
            toolchain=self._judge.toolchain_name,
        )  # fmt: skip

    def _cancel(self) -> None:
        self._stopping.set()
        if self._prepared is not None:
            self._prepared.close()
        if self._owned is not None:
            self._owned.stop()


def _beside(cache: Path) -> Path:
    """Return the folder of compiled test programs."""
    return cache.with_name(f"{cache.name}-programs")


def _own(settled: Settled) -> Verdict:
    """Add the pair's own fields to the verdict."""
    changes: dict[str, object] = {"task_id": settled.task.id, "sample_index": settled.completion.sample_index}
    changes["edition"] = settled.task.edition
    changes["metrics"] = settled.verdict.metrics | prompt_metrics(settled.task, settled.verdict.code)
    return settled.verdict.model_copy(update=changes)
