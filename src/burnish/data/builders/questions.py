r"""Turn questions with known answers into tasks and training rows.

    published rows -> tasks (prompt, answers, reference) -> held-out tasks | training conversations

A training row is the prompt of the task, word for word, answered by the task's reference: training and evaluation use
the same text, including the system prompt and ``\boxed{}`` included. A question of the held-out part never becomes a
training row, in whatever case and spacing. Repeated held-out questions and training rows are dropped; several solutions
of one problem are several training rows.

Not covered: judging answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from burnish.data.builders.rows import LeftOut, Row, published_rows
from burnish.data.sources.raw import BadRow, RawRow, fields_of
from burnish.errors import DataError
from burnish.fsio import digest_bytes
from burnish.records import Message, Task

IN_TEST = "asked in the held-out part"
TWICE = "asked twice"


@dataclass(frozen=True)
class QuestionSet:
    """One published data set."""

    name: str
    licence: str
    """SPDX expression of the data."""
    task: Callable[[Row, str], Task]
    """The task of a row, given its id. Raises BadRow or LeftOut."""


@dataclass
class QuestionReport:
    """Counts of read, used and skipped rows, filled during reading."""

    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    rejected: list[dict[str, str]] = field(default_factory=list)


@dataclass
class QuestionReader:
    """Reads the files of one data set once and drops repeats."""

    questions: QuestionSet
    bad_rows: int
    """Unusable rows that may be left out before reading stops."""
    report: QuestionReport = field(default_factory=QuestionReport)
    _held_out: set[bytes] = field(default_factory=set)
    _seen: set[bytes] = field(default_factory=set)

    def held_out(self, path: Path) -> Iterator[Task]:
        """Tasks of a published test split."""
        for task in self._tasks(path):
            question = _digest(task.prompt[-1].content)
            if self._new(question):
                self._held_out.add(question)
                yield task

    def split(self, path: Path, *, share: float, seed: int, limit: int | None) -> Iterator[tuple[bool, Task]]:
        """Yield tasks of a file with a held-out flag; seed and wording choose the held-out share."""
        for count, task in enumerate(self._tasks(path)):
            if limit is not None and count >= limit:
                return
            question = _digest(task.prompt[-1].content)
            kept = int(digest_bytes(str(seed).encode(), question)[:8], 16) < share * 2**32
            if not kept and question in self._held_out:
                self.report.left_out[IN_TEST] += 1
            elif self._new(question if kept else question + _digest(task.reference or "")):
                yield kept, task

    def _new(self, key: bytes) -> bool:
        if key in self._seen:
            self.report.left_out[TWICE] += 1
            return False
        self._seen.add(key)
        return True

    def _tasks(self, path: Path) -> Iterator[Task]:
        any_task = False
        for number, raw in enumerate(published_rows(path), 1):
            self.report.rows += 1
            try:
                task = self.questions.task(fields_of(raw), f"{self.questions.name}:{Path(raw.file).stem}:{number}")
            except LeftOut as reason:
                self.report.left_out[str(reason)] += 1
                continue
            except BadRow as problem:
                self._reject(raw, problem)
                continue
            any_task = True
            yield task.model_copy(update={"licence": self.questions.licence, "origin": raw.id})
        if not any_task:
            raise DataError(
                f"{path} has no row of {self.questions.name}.", "Check the file and the name of the data set to build."
            )

    def _reject(self, raw: RawRow, problem: BadRow) -> None:
        self.report.rejected.append({"file": raw.file, "place": raw.place, "reason": str(problem)})
        if len(self.report.rejected) > self.bad_rows:
            raise DataError(
                f"{raw.id}: {problem}.",
                f"Fix or remove the row, or raise bad_rows above {self.bad_rows}.",
            )


def prompt(system: str, user: str) -> tuple[Message, ...]:
    """Return a question's messages, the system prompt first."""
    return (Message(role="system", content=system), Message(role="user", content=user))


def boxed(answer: str) -> str:
    r"""Return the form that final answers have: ``\boxed{answer}``."""
    return f"\\boxed{{{answer}}}"


def _digest(text: str) -> bytes:
    """Normalise a question, so that two wordings that differ in case and spacing are equal."""
    return bytes.fromhex(digest_bytes(" ".join(text.casefold().split()).encode())[:32])
