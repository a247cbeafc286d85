"""Answer tasks while earlier answers are verified: this thread decodes, a pool judges.

Completions and verdicts are in two files of one folder, batch by batch. A new attempt after a kill writes the missing
batches and verifies completions without verdicts; the cache has those judged before the kill.

Left out on purpose: choosing tasks, scoring, learning.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from burnish.fsio import append_lines
from burnish.protocols import Generator
from burnish.records import Completion, Task, Verdict
from burnish.records.files import read_records
from burnish.records.layout import COMPLETIONS, VERDICTS
from burnish.verify import Verifier
from burnish.verify.judge.infra_budget import KEPT, InfraBudget
from burnish.workflows.answer.completions import answer_tasks, read_answers

Key = tuple[str, int]
AT_ONCE = 512
"""Most completions that are verified, and whose verdicts are written, at once."""


@dataclass(frozen=True)
class Sampled:
    """All samples with verdicts in task order; seconds are of this attempt."""

    completions: list[Completion]
    verdicts: list[Verdict]
    generate_s: float
    verify_s: float
    """Seconds of judging; most of them overlap with ``generate_s``."""
    wait_s: float
    """Seconds from the last completion to the last verdict."""


def sample(
    generator: Generator,
    verifier: Verifier,
    tasks: Sequence[Task],
    folder: Path,
    *,
    samples: int,
    infra_budget: float,
) -> Sampled:
    """Write ``completions.jsonl`` and ``verdicts.jsonl``, keeping existing rows.

    Raises InfraBudgetError when a larger share than ``infra_budget`` could not be judged; written rows stay.
    """
    started = time.monotonic()
    with Judging(verifier, tasks, folder / VERDICTS, infra_budget) as judging:
        judging.give_unjudged(read_answers(folder / COMPLETIONS).values())
        completions = answer_tasks(generator, tasks, folder / COMPLETIONS, samples=samples, written=judging.give)
        written = time.monotonic()
        verdicts = judging.finish()
    in_order = [verdicts[completion.task_id, completion.sample_index] for completion in completions]
    return Sampled(completions, in_order, written - started, judging.busy_s, time.monotonic() - written)


class Judging:
    """A thread that verifies completions in order and appends the verdicts to a file.

    Leaving the context before `finish` stops running work.
    """

    def __init__(self, verifier: Verifier, tasks: Sequence[Task], file: Path, infra_budget: float) -> None:
        self.busy_s = 0.0
        """Seconds of judging."""
        self._verifier = verifier
        self._tasks = {task.id: task for task in tasks}
        self._file = file
        known = read_records(Verdict, file)
        self._verdicts: dict[Key, Verdict] = {(verdict.task_id, verdict.sample_index): verdict for verdict in known}
        self._waiting: queue.SimpleQueue[Sequence[Completion] | None] = queue.SimpleQueue()
        self._budget = InfraBudget(infra_budget, judged="completions", kept=KEPT)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="judge", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._waiting.put(None)
        self._thread.join()

    def give_unjudged(self, completions: Collection[Completion]) -> None:
        """Verify the completions without a verdict."""
        self.give([given for given in completions if (given.task_id, given.sample_index) not in self._verdicts])

    def give(self, completions: Sequence[Completion]) -> None:
        """Queue completions; raise errors of earlier ones."""
        if self._error is not None:
            raise self._error
        if completions:
            self._waiting.put(completions)

    def finish(self) -> dict[Key, Verdict]:
        """Wait for the last verdict; return all verdicts by task and sample."""
        self._waiting.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._verdicts

    def _work(self) -> None:
        try:
            while (chunk := self._next()) and not self._stopped.is_set():
                started = time.monotonic()
                self._judge(chunk)
                self.busy_s += time.monotonic() - started
        except BaseException as error:  # noqa: BLE001  a worker's boundary: it is raised where the verdicts are wanted
            self._error = error

    def _next(self) -> list[Completion]:
        """Take all waiting completions, up to `AT_ONCE`; empty at the end."""
        first = self._waiting.get()
        chunk = list(first or ())
        while first is not None and len(chunk) < AT_ONCE and not self._waiting.empty():
            more = self._waiting.get()
            if more is None:
                self._waiting.put(None)  # no completions follow the end marker
                break
            chunk += more
        return chunk

    def _judge(self, chunk: Sequence[Completion]) -> None:
        pairs = [(self._tasks[completion.task_id], completion) for completion in chunk]
        judged: list[Verdict] = []
        # in order, so the later verdict of a rewritten completion comes later
        with closing(self._verifier.stream(pairs, infra_budget=1.0)) as verdicts:
            for verdict in verdicts:
                if self._stopped.is_set():
                    break
                judged.append(verdict)
        append_lines(self._file, [verdict.to_json() for verdict in judged])
        self._budget.weigh(judged)
        self._verdicts |= {(verdict.task_id, verdict.sample_index): verdict for verdict in judged}
