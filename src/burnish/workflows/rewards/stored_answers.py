"""Find stored answers with their verdicts and tasks in runs, evaluations and files.

    completions.jsonl with verdicts.jsonl beside it    evaluate stages, evaluations, rounds of expert iteration
    rollouts.jsonl                                     what a policy wrote while it was trained

What was measured on the way (``evaluations``, ``validation``) is no answer to learn from and is not found.

Left out on purpose: judging what has no verdict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from burnish.config.stages.recipe import Recipe
from burnish.config.tasks import TaskFile, TasksConfig
from burnish.config.verbs.evaluate import EvaluateConfig
from burnish.config.verify import VerifyConfig
from burnish.data.rust_tasks.build import ORIGIN, is_held_out
from burnish.data.tasks.task_sets import TaskSet, load_task_set, read_tasks
from burnish.errors import DataError
from burnish.fsio import read_lines, read_object
from burnish.ledger.run_folder import RESOLVED_RECIPE
from burnish.records import Completion, Rollout, Task, Verdict
from burnish.records.files import read_records
from burnish.records.layout import COMPLETIONS, HELD_OUT, RESOLVED, ROLLOUTS, TRAIN, VERDICTS

PLACES = ("", "*/", "round_*/", "*/round_*/")
"""Patterns of such files below the folder of a run, an evaluation or a stage."""

GIVE_TASKS = "Give the task set of the answers: --set tasks.kind=file --set tasks.path=tasks.jsonl."


@dataclass(frozen=True)
class Written:
    """One completion, its file, and its stored verdict."""

    file: Path
    step: int
    completion: Completion
    verdict: Verdict | None


@dataclass(frozen=True)
class Origin:
    """The tasks and verifier of a run's samples."""

    tasks: tuple[Task, ...]
    held_out: tuple[Task, ...]
    """Held-out tasks among the tasks."""
    verify: VerifyConfig
    cache_folder: Path


def rollout_files(source: Path) -> list[Path]:
    """Find the file, or the files of a folder; raise DataError when there are none."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise DataError(f"{source} does not exist", "Give a run folder, or a JSONL file of completions or rollouts.")
    files = {file for name in (COMPLETIONS, ROLLOUTS) for place in PLACES for file in source.glob(place + name)}
    return sorted(file for file in files if file.parent.name != "validation")


def read_written(file: Path) -> list[Written]:
    """Completions (with the verdicts beside them) or rollouts; raises DataError naming file and line."""
    written: list[Written] = []
    for number, line in enumerate(read_lines(file), 1):
        try:
            if file.name == ROLLOUTS or '"completion":' in line[:200]:
                rollout = Rollout.from_json(line)
                written.append(Written(file, rollout.step, rollout.completion, rollout.verdict))
            else:
                written.append(Written(file, 0, Completion.from_json(line), None))
        except DataError as error:
            raise DataError(f"{file}:{number}: {error.cause}", error.way_out) from error
    beside = file.with_name(VERDICTS)
    if file.name == COMPLETIONS and beside.is_file():
        verdicts = list(read_records(Verdict, beside))
        known = {(verdict.task_id, verdict.sample_index): verdict for verdict in verdicts}
        return [
            replace(answer, verdict=known.get((answer.completion.task_id, answer.completion.sample_index)))
            for answer in written
        ]
    return written


def task_of(answer: Written, tasks: Mapping[str, Task]) -> Task:
    """Return the task of an answer; raise DataError for an unknown one."""
    task = tasks.get(answer.completion.task_id)
    if task is None:
        raise DataError(f"{answer.file}: the task {answer.completion.task_id!r} is unknown.", GIVE_TASKS)
    return task


def origin_of(source: Path, tasks: TasksConfig | None, seed: int) -> Origin:
    """Return tasks, verifier and cache of ``source``, as in its run; ``tasks`` overrides the run's.

    Raises DataError when neither says which tasks were answered.
    """
    folder = run_of(source)
    if tasks is None and folder is None:
        raise DataError(
            f"{source} is not inside a run, so its tasks are unknown.",
            GIVE_TASKS,
        )
    beside = source.resolve().parent / ".cache"
    origin = Origin((), (), VerifyConfig(), beside) if folder is None else _of_run(folder)
    if tasks is None:
        return origin
    task_set = load_task_set(tasks, seed)
    return replace(origin, tasks=_all(task_set), held_out=(*origin.held_out, *_held_out(tasks, task_set)))


def run_of(source: Path) -> Path | None:
    """Find the run or evaluation that contains a file or folder."""
    return next((folder for folder in (source, *source.resolve().parents) if (folder / RESOLVED).is_file()), None)


def _of_run(folder: Path) -> Origin:
    """Read the tasks and the verifier of a run or evaluation from its ``recipe.resolved.json``."""
    resolved = read_object(folder / RESOLVED, needs=RESOLVED_RECIPE)["recipe"]
    try:
        if "stages" not in resolved:
            evaluated = EvaluateConfig.model_validate_json(json.dumps(resolved))
            task_set = load_task_set(evaluated.tasks, evaluated.seed)
            return Origin(_all(task_set), _held_out(evaluated.tasks, task_set), evaluated.verify, folder / ".cache")
        recipe = Recipe.model_validate_json(json.dumps(resolved))
    except ValidationError as error:
        raise DataError(
            f"{folder / RESOLVED} was written by another version: {error.errors()[0]['msg']}.",
            "Give single files instead, and their tasks.",
        ) from error
    train, held_out = (
        tuple(task for file in sorted(folder.glob(f"*/{name}")) for task in read_tasks(file))
        for name in (TRAIN, HELD_OUT)
    )
    return Origin((*train, *held_out), held_out, recipe.verify, folder.parent)


def _held_out(config: TasksConfig, task_set: TaskSet) -> tuple[Task, ...]:
    """Return held-out tasks: those of the set, or of a user's file those that the built-in tasks hold out."""
    if not isinstance(config, TaskFile) or config.train is not None:
        return task_set.held_out
    return tuple(task for task in task_set.held_out if task.origin == ORIGIN and is_held_out(task.family))


def _all(task_set: TaskSet) -> tuple[Task, ...]:
    return (*task_set.train, *task_set.held_out)
