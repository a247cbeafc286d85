"""Judge answers to tasks of every kind; shared by evaluating and by judging again.

Rust goes to the verifier, all other kinds are read and compared here. Left out on purpose: writing answers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Task, Verdict
from burnish.records.evaluation import EvaluatedRow
from burnish.records.files import read_rows, write_records
from burnish.records.layout import EVALUATED, LIKELIHOODS, ROWS, VERDICTS
from burnish.score.metrics.multiple_choice import with_likelihoods
from burnish.score.summaries.answers import judge_answer, missing_row, rust_row
from burnish.verify import Verifier
from burnish.workflows.verify.judge import judge, open_verifier

Likelihoods = Mapping[str, Mapping[str, float]]
"""Task -> label of a choice -> log-likelihood of its text."""

_log = logging.getLogger("burnish.evaluate")


@dataclass(frozen=True)
class Judgement:
    """Judgement of all answers: one row each, and the verdicts of Rust."""

    rows: tuple[EvaluatedRow, ...]
    verdicts: tuple[Verdict, ...]
    rust: bool
    """Whether any task is Rust."""

    def write(self, folder: Path) -> tuple[str, ...]:
        """Write ``rows.jsonl``, and ``verdicts.jsonl`` if there is Rust; return the names of the files."""
        write_records(folder / ROWS, self.rows)
        if not self.rust:
            return (ROWS,)
        write_records(folder / VERDICTS, self.verdicts)
        return VERDICTS, ROWS


@contextmanager
def verifier_for(tasks: Sequence[Task], config: VerifyConfig, beside: Path) -> Iterator[Verifier | None]:
    """Open a verifier if a task is Rust, otherwise None: other kinds need no sandbox and no compiler.

    Raises DataError before anything is written when ``min_grading`` refuses a task.
    """
    if not has_rust(tasks):
        yield None
        return
    with open_verifier(config, beside) as verifier:
        if config.min_grading == "separate":
            verifier.gradings(tasks)
        yield verifier


def has_rust(tasks: Sequence[Task]) -> bool:
    """Return whether any of the tasks is Rust."""
    return any(task.kind == "rust" for task in tasks)


def judge_answers(
    verifier: Verifier | None,
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    *,
    tolerance: float,
    likelihoods: Likelihoods | None = None,
) -> Judgement:
    """Build a row per completion, in the order of ``completions``, then one per task without an answer.

    ``likelihoods`` are those of multiple-choice tasks, if the model computed them.

    Raises ValueError for Rust without a verifier, InfraBudgetError as the verifier does.
    """
    by_id = {task.id: task for task in tasks}
    rust = [completion for completion in completions if by_id[completion.task_id].kind == "rust"]
    if rust and verifier is None:
        raise ValueError("Rust needs a verifier")
    verdicts = judge(verifier, tasks, rust) if verifier is not None else []
    next_verdict = iter(verdicts)
    rows = []
    for completion in completions:
        task = by_id[completion.task_id]
        if task.kind == "rust":
            rows.append(rust_row(task, completion, next(next_verdict)))
        else:
            row = judge_answer(task, completion, tolerance=tolerance)
            likely = (likelihoods or {}).get(task.id)
            rows.append(row if not likely else with_likelihoods(task, row, likely))
    answered = {completion.task_id for completion in completions}
    unanswered = [task for task in tasks if task.id not in answered]
    rows += [missing_row(task, 0, tolerance=tolerance) for task in unanswered if task.kind != "rust"]
    if unanswered:
        _log.warning(
            "%d of %d tasks have no answer; they count as wrong, Rust ones (%d) are not counted.",
            len(unanswered),
            len(tasks),
            sum(task.kind == "rust" for task in unanswered),
        )
    return Judgement(tuple(rows), tuple(verdicts), has_rust(tasks))


def read_likelihoods(folder: Path) -> dict[str, dict[str, float]]:
    """Read the likelihoods stored in an evaluation; empty without any."""
    return {row["task_id"]: row["log_likelihoods"] for row in read_rows(folder / LIKELIHOODS)}


def file_in(folder: Path, name: str) -> Path:
    """Return a file of an evaluation or stage: in its folder, otherwise in the evaluation's subfolder."""
    return (folder if (folder / name).is_file() else folder / EVALUATED) / name
