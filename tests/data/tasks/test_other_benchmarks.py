"""MultiPL-E and RustEvo are read as published; what a stranger's copy has besides is harmless or refused by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from burnish.config.tasks import TasksConfig
from burnish.data.tasks.other_benchmarks import load_multipl_e, load_rustevo
from burnish.data.tasks.task_sets import load_evaluation_tasks, read_any_tasks
from burnish.errors import DataError
from burnish.records import RustTests

MULTIPL_E = {
    "name": "HumanEval_23_strlen",
    "language": "rs",
    "prompt": "/// Length.\nfn strlen(string: String) -> isize {\n",
    "tests": '}\n\nfn main() {\n    let candidate = strlen;\n    assert_eq!(candidate(String::from("")), 0);\n}\n',
    "stop_tokens": ["\n}"],
}
RUSTEVO = {
    "task_idx": 2,
    "query": "Negate it.",
    "function_signature": "fn negate(n: i32) -> i32",
    "code": "fn negate(n: i32) -> i32 { -n }",
    "test_program": "#[cfg(test)]\nmod tests { use super::*; #[test] fn t() { assert_eq!(negate(1), -1); } }",
}


def written(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_multipl_e_tests_lose_the_brace_that_closes_the_prompt(tmp_path: Path) -> None:
    (task,) = load_multipl_e(written(tmp_path, MULTIPL_E))
    assert (task.id, task.entry_point, task.reference) == ("HumanEval_23_strlen", "strlen", None)
    assert task.code_prompt == MULTIPL_E["prompt"]
    assert isinstance(task.tests, RustTests)
    assert task.tests.source.startswith("fn main() {")


@pytest.mark.parametrize(
    "changes",
    [
        {"tests": None, "test": "\n\nfn main() { assert_eq!(strlen(String::new()), 0); }"},  # a copy without the brace
        {"test": MULTIPL_E["tests"], "entry_point": "strlen", "doctests": "transform"},  # a copy with both fields
        {"prompt": "use std::cmp::Ordering;\n/// é \n\nfn strlen(string: String) -> isize {  \n\n"},
        {"prompt": "fn helper() -> u8 { 1 }\nfn strlen(string: String) -> isize {"},
        {"language": "rust"},
        {"name": 23},
    ],
)
def test_copies_of_multipl_e_are_read_alike(changes: dict[str, Any], tmp_path: Path) -> None:
    row = {name: value for name, value in {**MULTIPL_E, **changes}.items() if value is not None}
    (task,) = load_multipl_e(written(tmp_path, row))
    assert task.entry_point == "strlen"
    assert task.code_prompt is not None
    assert task.code_prompt.endswith("{\n")
    assert isinstance(task.tests, RustTests)
    assert task.tests.source.startswith("fn main() {")


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({**MULTIPL_E, "language": "py"}, "language"),
        ({**MULTIPL_E, "prompt": "fn strlen(string: String) -> isize;"}, "prompt"),
        ({name: value for name, value in MULTIPL_E.items() if name != "tests"}, "tests"),
        ({**MULTIPL_E, "prompt": None}, "prompt"),
        ([], ":2:"),
    ],
)
def test_a_row_that_is_no_rust_task_of_multipl_e_is_refused_by_line(row: Any, named: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows.jsonl:2:") as refused:
        load_multipl_e(written(tmp_path, MULTIPL_E, row))
    assert named in refused.value.cause


def test_rustevo_rows_have_a_reference_and_their_own_tests(tmp_path: Path) -> None:
    (task,) = load_rustevo(written(tmp_path, RUSTEVO))
    assert (task.id, task.reference) == ("RustEvo/2", RUSTEVO["code"])
    assert "fn negate(n: i32) -> i32" in task.prompt[0].content


def test_rows_that_appear_twice_or_miss_a_field_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows.jsonl:2: the id 'RustEvo/2' appears twice"):
        load_rustevo(written(tmp_path, RUSTEVO, {**RUSTEVO, "task_idx": "2"}))
    with pytest.raises(DataError, match="code"):
        load_rustevo(written(tmp_path, {name: value for name, value in RUSTEVO.items() if name != "code"}))
    with pytest.raises(DataError, match="does not exist"):
        load_rustevo(tmp_path / "absent.jsonl")


def test_the_kind_of_a_file_is_known_by_its_fields(tmp_path: Path) -> None:
    assert read_any_tasks(written(tmp_path, MULTIPL_E))[0].origin == "MultiPL-E"
    assert read_any_tasks(written(tmp_path, RUSTEVO))[0].origin == "RustEvo"


def test_all_published_rows_are_read(shared: Path) -> None:
    folder = shared / "data"
    counts = [len(load_multipl_e(path)) for path in sorted((folder / "multipl_e_rust").glob("*.jsonl"))]
    assert counts[0] == 156
    assert all(counts)
    assert len(load_rustevo(folder / "rustevo" / "tasks.jsonl")) == 294


@pytest.mark.parametrize("kind", ["file", "humanevalpack", "humaneval", "multipl_e", "rustevo"])
@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_without_a_task_is_refused_whatever_its_kind(kind: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    config: TasksConfig = TypeAdapter(TasksConfig).validate_python({"kind": kind, "path": path})
    with pytest.raises(DataError, match=r"rows.jsonl holds no task\."):
        load_evaluation_tasks(config, seed=0)
    with pytest.raises(DataError, match=r"rows.jsonl holds no task\."):
        read_any_tasks(path)
