"""Write the built-in Rust task set to files without a recipe.

Left out on purpose: verifying the references; ``burnish evaluate --set answers.kind=field`` does that.
"""

from __future__ import annotations

from burnish.config.verbs import BuildTasksConfig
from burnish.data.task_sets import TaskSet, load_task_set
from burnish.errors import DataError
from burnish.workflows.build_tasks import write_records
from burnish.workflows.context import HELD_OUT, TRAIN


def build_rust_task_files(config: BuildTasksConfig) -> TaskSet:
    """Write ``train.jsonl`` and ``held_out.jsonl`` into ``config.out``; raises DataError when they are there."""
    for name in (TRAIN, HELD_OUT):
        if (config.out / name).exists():
            raise DataError(f"{config.out / name} is there already", "Name a new folder with --set out=FOLDER.")
    tasks = load_task_set(config.tasks, config.seed)
    write_records(config.out / TRAIN, tasks.train)
    write_records(config.out / HELD_OUT, tasks.held_out)
    return tasks
