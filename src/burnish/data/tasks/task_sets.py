"""Load task sets by configuration: the built-in Rust tasks, `Task` records, or a published benchmark.

Only this module leaves out the tasks of an exclusion file; the set records their number.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from burnish.config.tasks import PublishedTasks, RustTasks, TaskFile, TasksConfig
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.data.sources.files import nearest_file
from burnish.data.tasks.human_eval import load_human_eval
from burnish.data.tasks.humanevalpack import load_humanevalpack
from burnish.data.tasks.other_benchmarks import load_multipl_e, load_rustevo
from burnish.errors import DataError
from burnish.fsio import digest_file, digest_json, given_lines, parse_json
from burnish.records import Example, Message, Task, TaskExclusions
from burnish.records.files import given_records
from burnish.wording import counted

logger = logging.getLogger("burnish.tasks")


_READERS: Mapping[str, Callable[[Path], tuple[Task, ...]]] = {
    "humanevalpack": load_humanevalpack,
    "humaneval": load_human_eval,
    "multipl_e": load_multipl_e,
    "rustevo": load_rustevo,
}
"""Kind of a published benchmark -> reader of its file."""
_FIELDS = {
    "humanevalpack": {"declaration", "canonical_solution"},
    "humaneval": {"prompt", "canonical_solution"},
    "multipl_e": {"name", "prompt", "stop_tokens"},
    "rustevo": {"task_idx", "query", "function_signature", "test_program"},
}
"""Kind of a published benchmark -> fields by which its rows are known."""


@dataclass(frozen=True)
class TaskSet:
    """Tasks to train on and tasks to measure on."""

    train: tuple[Task, ...]
    held_out: tuple[Task, ...]
    excluded: int = 0
    """Number of tasks of ``held_out`` that an exclusion file removed."""


def load_task_set(config: TasksConfig, seed: int) -> TaskSet:
    """Build or read the task set; raises DataError naming file and line of a broken row."""
    match config:
        case RustTasks():
            train, held_out = build_rust_tasks(
                train=config.train,
                held_out=config.held_out,
                cases=config.cases,
                seed=seed,
                difficulty=config.difficulty,
            )
            return TaskSet(train, held_out)
        case TaskFile():
            train = () if config.train is None else read_tasks(config.train)
            return replace(_without(read_tasks(config.path), config), train=train)
        case _:
            return _without(_READERS[config.kind](config.path), config)


def load_evaluation_tasks(config: TasksConfig, seed: int) -> TaskSet:
    """Build or read only the tasks to measure on; raises DataError naming file and line of a broken row."""
    only = {"train": 0} if isinstance(config, RustTasks) else {"train": None} if isinstance(config, TaskFile) else {}
    return load_task_set(config.model_copy(update=only), seed)


def task_files(config: TasksConfig) -> dict[str, Path]:
    """Return the files that a task set names, by the last part of their key."""
    if isinstance(config, RustTasks):
        return {}
    train = config.train if isinstance(config, TaskFile) else None
    named = {"path": config.path, "train": train, "exclude": config.exclude}
    return {name: path for name, path in named.items() if path is not None}


def check_task_files(config: TasksConfig, key: str) -> None:
    """Raise DataError for a file of a task set that is not there, with its place below ``key``."""
    for name, path in task_files(config).items():
        if not path.is_file():
            raise DataError(
                f"{key}.{name} is {path}, which does not exist.",
                nearest_file(
                    path, f"Give a JSONL file of tasks, such as of burnish data build: --set {key}.{name}=FILE"
                ),
            )


def say_untested(tasks: Sequence[Task]) -> None:
    """Say how many Rust tasks have no tests: their answers can compile, and pass nothing."""
    untested = sum(task.kind == "rust" and task.tests is None for task in tasks)
    if untested:
        logger.warning(
            "%s no tests, of %d: in no rate of passing", counted(untested, "task has", "tasks have"), len(tasks)
        )


def tested(stage: str, tasks: Sequence[Task]) -> list[Task]:
    """Return the training tasks with tests, which a stage learns from; raise DataError where there is none."""
    with_tests = [task for task in tasks if task.tests is not None]
    if not tasks:
        raise DataError(
            f"stage {stage!r} learns from training tasks, and the task set has none.",
            "Give some: data.tasks.train=FILE with data.tasks.kind=file, or data.tasks.train=N with kind=rust.",
        )
    if not with_tests:
        raise DataError(
            f"stage {stage!r} learns from tests, and none of the {counted(len(tasks), 'training task')} has any.",
            "Give tasks with hidden tests: field `tests` of a task, as burnish data build rust-tasks writes it.",
        )
    return with_tests


def examples_from_tasks(tasks: Iterable[Task], task_type: str = "") -> list[Example]:
    """Return one conversation per task with a reference, which answers its prompt; others cannot be trained on."""
    return [
        Example(
            id=task.id,
            messages=(*task.prompt, Message(role="assistant", content=task.reference)),
            source=task_type,
            licence=task.licence,
            task_type=task_type,
            origin=task.origin,
        )
        for task in tasks
        if task.reference is not None
    ]


def drawn_references(tasks: Iterable[Task], share: float, rows: int, key: Sequence[str | int]) -> list[Task]:
    """Return the tasks whose references become ``share`` of all rows beside ``rows`` others, drawn by ``key``.

    Fewer where fewer tasks have a reference.
    """
    answered = [task for task in tasks if task.reference is not None] if share else []
    answered.sort(key=lambda task: digest_json([*key, task.id]))
    return answered[: round(share / (1 - share) * rows)]


def require_rust(tasks: Iterable[Task]) -> None:
    """Raise DataError when a task is not Rust, for callers that support only Rust."""
    other = next((task for task in tasks if task.kind != "rust"), None)
    if other is not None:
        raise DataError(
            f"the task {other.id!r} is of the kind {other.kind!r}, but only Rust tasks work here.",
            "Give a task set of Rust; burnish evaluate judges tasks of every kind.",
        )


def _without(tasks: tuple[Task, ...], config: TaskFile | PublishedTasks) -> TaskSet:
    """Return the set without the tasks of its exclusion file; raise DataError where none is left."""
    _check_any(tasks, config.path)
    if config.exclude is None:
        return TaskSet((), tasks)
    excluded = _read_exclusions(config.exclude, config.path)
    kept = tuple(task for task in tasks if task.id not in excluded)
    if not kept:
        raise DataError(f"{config.exclude} excludes every task of {config.path}", "Fix the tasks: none can be scored.")
    return TaskSet((), kept, excluded=len(tasks) - len(kept))


def _read_exclusions(path: Path, tasks: Path) -> frozenset[str]:
    """Read the ids to leave out of the task file ``tasks`` from a file that ``burnish data validate-tasks`` writes.

    It belongs to one version of that file, by digest. Raises DataError when it is missing or about another one.
    """
    again = "Run burnish data validate-tasks on the task file again."
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read the exclusions {path}: {error.strerror}.", again) from error
    read = TaskExclusions.from_json(text)
    if tasks.is_file() and digest_file(tasks) != read.digest:
        raise DataError(f"{path} was made for another version of {tasks}.", again)
    return frozenset(task.id for task in read.excluded)


def _check_any(tasks: Sequence[Task], path: Path) -> None:
    if not tasks:
        raise DataError(f"{path} holds no task.", "Give a JSONL file with a task on each line.")


def read_any_tasks(path: Path) -> tuple[Task, ...]:
    """Read the tasks of a file, at least one, in any of the known formats, chosen by the fields of its first row."""
    if not path.is_file():
        raise DataError(f"file {path} does not exist", "Give a JSONL file of tasks.")
    _, first = next(given_lines(path), (1, b"{}"))
    try:
        row = parse_json(first)
    except ValueError as error:
        raise DataError(f"{path}:1: not JSON: {error}", "Give a JSONL file of tasks.") from error
    fields = set(row) if isinstance(row, dict) else set()
    kind = next((kind for kind, needed in _FIELDS.items() if needed <= fields), None)
    tasks = read_tasks(path) if kind is None else _READERS[kind](path)
    _check_any(tasks, path)
    return tasks


def read_tasks(path: Path) -> tuple[Task, ...]:
    """Read the tasks of one JSONL file, in order; ids must differ."""
    if not path.is_file():
        raise DataError(
            f"task file {path} does not exist", "Give a JSONL file of Task records: burnish data build rust-tasks."
        )
    tasks: dict[str, Task] = {}
    for number, task in given_records(Task, path):
        if task.id in tasks:
            raise DataError(f"{path}:{number}: the id {task.id!r} appears twice", "Give every task an id of its own.")
        tasks[task.id] = task
    return tuple(tasks.values())
