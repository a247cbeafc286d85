"""Judge the answers of a finished evaluation again, without the model that wrote them.

The result is in ``rescored/`` beside the first one, with the changes; the first is never overwritten. Takes the
folder of ``burnish evaluate`` or that of a run's evaluate stage. Left out on purpose: missing answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from burnish.config.verbs.evaluate import EvaluateConfig
from burnish.config.verify import VerifyConfig
from burnish.data.tasks.task_sets import read_tasks
from burnish.errors import DataError
from burnish.fsio import read_object, write_json
from burnish.ledger.stage import read_done
from burnish.records import Task, Verdict
from burnish.records.evaluation import EvaluatedRow
from burnish.records.files import read_records, write_records, write_rows
from burnish.records.layout import (
    CHANGES,
    COMPLETIONS,
    EVALUATED,
    HELD_OUT,
    RESCORED,
    RESOLVED,
    ROWS,
    SUMMARY,
    TASKS,
    VERDICTS,
)
from burnish.records.summary import Summary
from burnish.score.summaries.answers import check_tasks, rust_row
from burnish.score.summaries.summary import MeasuredModel, build_summary
from burnish.workflows.answer.completions import read_answers
from burnish.workflows.evaluate.score import file_in, judge_answers, read_likelihoods, verifier_for

TOLERANCE = float(EvaluateConfig.model_fields["tolerance"].default)
"""Default tolerance of numeric answers."""


@dataclass(frozen=True)
class Rescored:
    """Result of judging again."""

    folder: Path
    summary: Summary
    rows: int
    changed: int
    """Rows whose extracted answer, outcome or scores differ from before."""


def rescore(folder: Path) -> Rescored:
    """Judge ``completions.jsonl`` of an evaluation by its own settings into ``rescored/``. Needs no model.

    Raises DataError when the folder holds no answers, or the answered tasks cannot be found.
    """
    path = file_in(folder, COMPLETIONS)
    if not path.is_file():
        raise DataError(f"{folder} has no {COMPLETIONS}.", "Give the folder of an evaluation.")
    folder = path.parent
    answers = read_answers(path)
    tasks = _tasks(folder, {task_id for task_id, _ in answers})
    check_tasks(tasks)
    # In the order of the first judgement, since the draws of an interval depend on it.
    place = {task.id: number for number, task in enumerate(tasks)}
    completions = sorted(answers.values(), key=lambda completion: (place[completion.task_id], completion.sample_index))
    settings = _settings(folder.parent / RESOLVED)
    tolerance = settings.get("tolerance", TOLERANCE)
    try:
        verify = VerifyConfig.model_validate_json(json.dumps(settings.get("verify", {})))
    except ValidationError as error:
        raise DataError(
            f"{folder.parent / RESOLVED}: its verifier settings belong to another version.",
            "Evaluate the answers again: burnish evaluate --set answers.kind=completions.",
        ) from error
    with verifier_for(tasks, verify, folder.parent / ".cache") as verifier:
        judgement = judge_answers(
            verifier, tasks, completions, tolerance=tolerance, likelihoods=read_likelihoods(folder)
        )
    before = read_evaluated(folder)
    done = read_done(folder)
    model = MeasuredModel(
        folder.parent.name if folder.name == EVALUATED else folder.name,
        judgement.rows,
        judgement.verdicts,
        tasks,
        seconds=0.0 if done is None else done.seconds,
        tolerance=tolerance,
    )
    summary = build_summary([model], excluded_tasks=_excluded(folder.parent / SUMMARY))
    out = folder / RESCORED
    write_records(out / TASKS, tasks)
    write_records(out / COMPLETIONS, completions)
    judgement.write(out)
    changes = _changes(before, judgement.rows)
    write_rows(out / CHANGES, changes)
    write_json(out / SUMMARY, summary.model_dump(mode="json"))
    return Rescored(out, summary, len(judgement.rows), len(changes))


def read_summary(path: Path) -> Summary:
    """Read the summary of a run or of an evaluation.

    Raises DataError where another version of burnish wrote it: its intervals may mean something else.
    """
    try:
        return Summary.from_json(path.read_text(encoding="utf-8"))
    except DataError as error:
        raise DataError(
            f"{path} is not a summary of this version of burnish ({error.cause}).",
            "Judge its answers again, which needs no model: burnish evaluate --rescore FOLDER, where FOLDER is "
            f"{path.parent} or, in a run, an evaluate stage in it. Or remove the folder and evaluate again.",
        ) from error


def read_evaluated(folder: Path) -> list[EvaluatedRow]:
    """Read the judged rows of an evaluation, or build them from the verdicts of an older run's stage.

    Raises DataError when there are none, or a line is broken.
    """
    path = file_in(folder, ROWS)
    if path.is_file():
        return list(read_records(EvaluatedRow, path))
    if not (folder / VERDICTS).is_file() or not (folder / COMPLETIONS).is_file():
        raise DataError(
            f"{folder} has neither {ROWS} nor {VERDICTS}.", "Give the folder of burnish evaluate, or of a stage."
        )
    verdicts = list(read_records(Verdict, folder / VERDICTS))
    # Completions are in the order of writing, verdicts in that of the tasks.
    completions = read_answers(folder / COMPLETIONS)
    tasks = {task.id: task for task in _tasks(folder, {task_id for task_id, _ in completions})}
    if {(verdict.task_id, verdict.sample_index) for verdict in verdicts} != completions.keys():
        raise DataError(f"{VERDICTS} and {COMPLETIONS} in {folder} do not belong together.", "Evaluate again.")
    answered = [(completions[verdict.task_id, verdict.sample_index], verdict) for verdict in verdicts]
    return [rust_row(tasks[completion.task_id], completion, verdict) for completion, verdict in answered]


def _tasks(folder: Path, ids: set[str]) -> Sequence[Task]:
    """Read the attempted tasks, beside the answers or from the stage of the run that built them."""
    for path in (folder / TASKS, *sorted(folder.parent.glob(f"*/{HELD_OUT}"))):
        if not path.is_file():
            continue
        tasks = read_tasks(path)
        if ids <= {task.id for task in tasks}:
            return tasks if path.name == TASKS else [task for task in tasks if task.id in ids]
    raise DataError(
        f"{folder} has no tasks for its answers.",
        "Evaluate the answers with their tasks: burnish evaluate --set answers.kind=completions.",
    )


def tasks_beside(folder: Path) -> Sequence[Task]:
    """Read the tasks of an evaluation; none for a run's stage, whose tasks are elsewhere."""
    path = file_in(folder, TASKS)
    return read_tasks(path) if path.is_file() else ()


def tolerance_of(folder: Path) -> float:
    """Return the tolerance of numeric answers in an evaluation."""
    for path in (folder / RESOLVED, folder.parent / RESOLVED):
        if path.is_file():
            return float(_settings(path).get("tolerance", TOLERANCE))
    return TOLERANCE


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(
            f"{path} does not exist, so the settings of judging are unknown.", "Give the folder of an evaluation."
        )
    recipe: dict[str, Any] = read_object(path, needs={"recipe": dict})["recipe"]
    return recipe


def _excluded(path: Path) -> int:
    """Count the tasks that the evaluation left out before it began."""
    return int(read_object(path, needs={"excluded_tasks": int})["excluded_tasks"]) if path.is_file() else 0


def outcome_of(row: EvaluatedRow) -> dict[str, Any]:
    """Return what an answer was judged as."""
    return row.model_dump(include={"extracted", "problem", "correct", "scores", "reason"})


def _changes(before: Sequence[EvaluatedRow], now: Sequence[EvaluatedRow]) -> list[dict[str, Any]]:
    old = {(row.task_id, row.sample_index): outcome_of(row) for row in before}
    changes = []
    for row in now:
        was, is_now = old.get((row.task_id, row.sample_index)), outcome_of(row)
        if was != is_now:
            changes.append({"task_id": row.task_id, "sample_index": row.sample_index, "before": was, "now": is_now})
    return changes
