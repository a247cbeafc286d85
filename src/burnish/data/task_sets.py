"""Task sets by configuration: the built-in Rust tasks, a file of `Task` records, or HumanEvalPack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from burnish.config.data import HumanEvalPackTasks, RustTasks, TaskFile, TasksConfig
from burnish.data.humanevalpack import load_humanevalpack
from burnish.data.rust_tasks import build_rust_tasks
from burnish.errors import DataError
from burnish.fsio import read_lines
from burnish.records import Task


@dataclass(frozen=True)
class TaskSet:
    """Tasks to train on and tasks to measure on."""

    train: tuple[Task, ...]
    held_out: tuple[Task, ...]


def load_task_set(config: TasksConfig, seed: int) -> TaskSet:
    """Build or read the task set; raises DataError naming file and line of a broken row."""
    match config:
        case RustTasks():
            train, held_out = build_rust_tasks(
                train=config.train, held_out=config.held_out, cases=config.cases, seed=seed
            )
            return TaskSet(train, held_out)
        case TaskFile():
            return TaskSet((), read_tasks(config.path))
        case HumanEvalPackTasks():
            return TaskSet((), load_humanevalpack(config.path))


def read_tasks(path: Path) -> tuple[Task, ...]:
    """Tasks of one JSONL file, in order; ids must differ."""
    if not path.is_file():
        raise DataError(f"no task file {path}", "Name a JSONL file of Task records: burnish data build rust-tasks.")
    tasks: dict[str, Task] = {}
    for number, line in enumerate(read_lines(path), 1):
        try:
            task = Task.from_json(line)
        except DataError as error:
            raise DataError(f"{path}:{number}: {error.cause}", error.way_out) from error
        if task.id in tasks:
            raise DataError(f"{path}:{number}: the id {task.id!r} appears twice", "Give every task an id of its own.")
        tasks[task.id] = task
    return tuple(tasks.values())
