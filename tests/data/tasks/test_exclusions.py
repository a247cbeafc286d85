"""What an exclusion file takes out of a task set, and when it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.config.tasks import HumanEvalTasks, TaskFile
from burnish.data.tasks.task_sets import load_task_set, read_any_tasks
from burnish.errors import DataError
from burnish.fsio import digest_file
from burnish.records import Exclusion, Task, TaskExclusions


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(Task(id=name, family=name, prompt=()).to_json() + "\n" for name in "abc"))
    return path


def excluding(tasks: Path, *names: str, digest: str | None = None) -> Path:
    path = tasks.with_name("exclusions.json")
    excluded = tuple(Exclusion(id=name, reason="no_tests") for name in names)
    record = TaskExclusions(tasks=tasks.name, digest=digest or digest_file(tasks), excluded=excluded)
    path.write_text(record.to_json() + "\n")
    return path


def test_excluded_tasks_are_left_out_and_counted(tasks: Path) -> None:
    found = load_task_set(TaskFile(path=tasks, exclude=excluding(tasks, "b")), 0)
    assert ([task.id for task in found.held_out], found.excluded) == (["a", "c"], 1)
    assert load_task_set(TaskFile(path=tasks), 0).excluded == 0


def test_exclusions_of_another_version_are_refused(tasks: Path) -> None:
    with pytest.raises(DataError, match="another version"):
        load_task_set(TaskFile(path=tasks, exclude=excluding(tasks, "b", digest="0" * 64)), 0)


def test_a_set_without_a_sound_task_is_refused(tasks: Path) -> None:
    with pytest.raises(DataError, match="excludes every task"):
        load_task_set(TaskFile(path=tasks, exclude=excluding(tasks, *"abc")), 0)


def test_a_missing_exclusion_file_is_named(tasks: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read the exclusions .*none\.json"):
        load_task_set(TaskFile(path=tasks, exclude=tasks.with_name("none.json")), 0)


def test_the_first_row_tells_the_format(tasks: Path, tmp_path: Path) -> None:
    assert [task.id for task in read_any_tasks(tasks)] == list("abc")
    row = {"task_id": "h", "prompt": "fn f() {", "canonical_solution": "}", "test": "", "entry_point": "f"}
    path = tmp_path / "he.jsonl"
    path.write_text(json.dumps(row) + "\n")
    assert [task.id for task in read_any_tasks(path)] == ["h"]
    assert load_task_set(HumanEvalTasks(path=path), 0).held_out == read_any_tasks(path)
    pack = row | {"declaration": "fn f() {", "instruction": "Do.", "buggy_solution": "1 }"}
    path.write_text(json.dumps(pack) + "\n")
    assert [task.wrong for task in read_any_tasks(path)] == [("1 }",)]


@pytest.mark.parametrize(
    ("content", "why"), [("{\n", "1: not JSON"), ("[]\n", "not a Task record"), (None, "does not exist")]
)
def test_a_file_without_tasks_is_refused(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "x.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=why):
        read_any_tasks(path)
