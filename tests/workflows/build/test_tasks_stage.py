"""A task set proves itself: a reference that does not pass stops the run, naming the task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.config.load import load_config
from burnish.config.stages.kinds.report import ReportStage
from burnish.config.stages.kinds.tasks import TasksStage
from burnish.config.stages.recipe import Recipe
from burnish.config.verify import VerifyConfig
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.data.tasks.task_sets import read_tasks
from burnish.errors import DataError
from burnish.fsio import digest_file
from burnish.ledger.run_folder import RunFolder
from burnish.ledger.stage import Done
from burnish.records import Exclusion, Task, TaskExclusions
from burnish.records.files import write_records
from burnish.records.layout import HELD_OUT, TRAIN
from burnish.verify import Verifier
from burnish.workflows.build.stages import build_tasks
from burnish.workflows.evaluate.report_stage import report
from burnish.workflows.run.context import Run


def built(folder: Path, tasks: list[Task]) -> Path:
    """Build the task set of a run from a file of tasks; returns the stage's folder."""
    write_records(folder / "tasks.jsonl", tasks)
    source = f"data.tasks={{kind: file, path: {folder / 'tasks.jsonl'}}}"
    recipe = load_config(Recipe, None, ["name=x", source, "stages=[{kind: tasks, name: t}]"])
    with Verifier(VerifyConfig(workers=1)) as verifier:
        build_tasks(Run(recipe, RunFolder(folder, "id"), {}, verifier), TasksStage(name="t"), folder / "t")
    return folder / "t"


def test_valid_tasks_are_written_and_broken_references_stop_the_run(tmp_path: Path) -> None:
    _, tasks = build_rust_tasks(train=0, held_out=3, cases=3, seed=1)
    stage = built(tmp_path / "sound", list(tasks))
    assert read_tasks(stage / HELD_OUT) == tasks
    assert read_tasks(stage / TRAIN) == ()
    broken = tasks[1].model_copy(update={"reference": 'pub fn nothing() -> u8 { "text" }'})
    with pytest.raises(DataError, match=f"1 of 3 reference answers do not pass, first {broken.id}: compile_error"):
        built(tmp_path / "broken", [tasks[0], broken, tasks[2]])
    assert not (tmp_path / "broken" / "t" / "done.json").exists()


def test_a_task_without_a_reference_is_taken_as_it_is(tmp_path: Path) -> None:
    _, (task, *_) = build_rust_tasks(train=0, held_out=1, cases=3, seed=1)
    bare = task.model_copy(update={"reference": None})
    assert read_tasks(built(tmp_path, [bare]) / HELD_OUT) == (bare,)


def test_an_empty_task_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no held-out task"):
        built(tmp_path, [])


def test_excluded_tasks_are_left_out_and_counted_for_the_report(tmp_path: Path) -> None:
    _, tasks = build_rust_tasks(train=0, held_out=2, cases=3, seed=1)
    path, exclusions = tmp_path / "tasks.jsonl", tmp_path / "e.json"
    write_records(path, tasks)
    gone = Exclusion(id=tasks[0].id, reason="reference_fails")
    write_records(exclusions, [TaskExclusions(tasks=path.name, digest=digest_file(path), excluded=(gone,))])
    source = f"data.tasks={{kind: file, path: {path}, exclude: {exclusions}}}"
    recipe = load_config(Recipe, None, ["name=x", source, "stages=[{kind: tasks, name: t}, {kind: report, name: r}]"])
    with Verifier(VerifyConfig(workers=1)) as verifier:
        run = Run(recipe, RunFolder(tmp_path, "id"), {}, verifier)
        outcome = build_tasks(run, TasksStage(name="t"), tmp_path / "t")
    assert outcome.metrics["excluded"] == 1
    assert read_tasks(tmp_path / "t" / HELD_OUT) == tasks[1:]
    run.folder.events.write("run_begins")
    run.done["t"] = Done("f", 1.0, metrics=outcome.metrics)
    report(run, ReportStage(name="r"), tmp_path / "r")
    assert json.loads((tmp_path / "summary.json").read_text())["excluded_tasks"] == 1
