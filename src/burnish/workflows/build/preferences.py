"""Build preferences and repairs from the judged answers of a run, an evaluation or a file.

Held-out tasks are never used for training: in a whole run their answers are left out and counted; if the source has no
others, the build stops. Left out on purpose: judging completions without verdicts.
"""

from __future__ import annotations

from typing import Any

from burnish.config.verbs.build import BuildPreferencesConfig, BuildRepairsConfig
from burnish.data.tasks.task_sets import read_any_tasks, require_rust
from burnish.fsio import read_object
from burnish.ledger.run_folder import RESOLVED_RECIPE
from burnish.records.files import write_records, write_rows
from burnish.records.layout import RESOLVED, TRAIN
from burnish.score.selection.held_out import HeldOut
from burnish.workflows.build.datasets import built
from burnish.workflows.rewards.judged_pairs import Answers, judged_answers, preference_rows, repair_examples
from burnish.workflows.rewards.stored_answers import origin_of


def build_preferences(config: BuildPreferencesConfig) -> dict[str, Any]:
    """Write the rows; return the content of ``meta.json``.

    Raises DataError when there are no answers or no pair, GateError for answers to held-out tasks.
    """
    with built("preferences", config) as (folder, meta):
        answers = _answers(config)
        rows = preference_rows(answers.judged, config.method, config.per_task)
        write_rows(folder / TRAIN, rows)
        meta.update(_counts(answers, len(rows), len({row["task_id"] for row in rows})))
    return meta


def build_repairs(config: BuildRepairsConfig) -> dict[str, Any]:
    """Write the rows; return the content of ``meta.json``. Raises as `build_preferences` does."""
    with built("repairs", config) as (folder, meta):
        answers = _answers(config)
        rows = repair_examples(answers.judged, config.per_task)
        write_records(folder / TRAIN, rows)
        meta.update(_counts(answers, len(rows), len({row.messages[0].content for row in rows})))
    return meta


def _answers(config: BuildRepairsConfig) -> Answers:
    origin = origin_of(config.source, config.tasks, config.seed)
    require_rust(origin.tasks)
    more = [task for path in config.held_out for task in read_any_tasks(path)]
    held_out = HeldOut([*origin.held_out, *more])
    tasks = {task.id: task for task in origin.tasks}
    return judged_answers(config.source, tasks, held_out, skip_held_out=_samples_and_measures(config))


def _samples_and_measures(config: BuildRepairsConfig) -> bool:
    """Return whether the source is a whole run of a recipe."""
    resolved = config.source / RESOLVED
    return resolved.is_file() and "stages" in read_object(resolved, needs=RESOLVED_RECIPE)["recipe"]


def _counts(answers: Answers, rows: int, tasks: int) -> dict[str, Any]:
    return {"answers": len(answers.judged), "tasks": tasks, "train": rows, "left_out": dict(answers.left_out)}
