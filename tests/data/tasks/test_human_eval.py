from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.data.tasks.human_eval import load_human_eval
from burnish.errors import DataError
from burnish.records import RustTests

ROW = {"task_id": "a", "prompt": "fn f() -> u8 {", "canonical_solution": "// one\n1\n}", "test": "#[test]\nfn t() {}",
       "entry_point": "f", "quality_level": 1}  # fmt: skip


def written(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_solution_continues_its_prompt_on_a_line_of_its_own(tmp_path: Path) -> None:
    [task] = load_human_eval(written(tmp_path, ROW | {"wrong": "2\n}", "edition": "2024"}))
    assert task.code_prompt == "fn f() -> u8 {\n"
    assert task.reference == "fn f() -> u8 {\n// one\n1\n}"
    assert task.tests == RustTests(source="#[test]\nfn t() {}")
    assert (task.wrong, task.edition, task.entry_point) == (("2\n}",), "2024", "f")
    assert load_human_eval(written(tmp_path, ROW | {"wrong": ["a", "b"]}))[0].wrong == ("a", "b")


def test_a_null_is_a_field_that_a_row_does_not_have(tmp_path: Path) -> None:
    absent = dict.fromkeys(("context", "choices", "licence", "level", "crates", "split", "wrong", "edition"))
    assert load_human_eval(written(tmp_path, ROW | absent)) == load_human_eval(written(tmp_path, ROW))
    for lost in ({"split": "test"}, {"weight": 0}):
        with pytest.raises(DataError, match="would be lost"):
            load_human_eval(written(tmp_path, ROW | lost))
    for broken in ([ROW], "text", None):
        with pytest.raises(DataError, match=r"rows\.jsonl:1"):
            load_human_eval(written(tmp_path, broken))


@pytest.mark.parametrize(
    ("changed", "crates"),
    [
        ({}, ()),
        ({"prompt": "use regex::Regex;\nfn f() -> u8 {"}, ("regex",)),
        ({"canonical_solution": "rand::random()\n}"}, ("rand",)),
        ({"test": '#[test]\nfn t() { assert!(serde_json::from_str::<u8>("1").is_ok()) }'}, ("serde_json",)),
        ({"canonical_solution": "rand::f()\n}\nmod rand { pub fn f() -> u8 { 1 } }"}, ()),
    ],
)
def test_well_known_crates_that_a_row_names_are_listed(
    tmp_path: Path, changed: dict[str, str], crates: tuple[str, ...]
) -> None:
    assert load_human_eval(written(tmp_path, ROW | changed))[0].crates == crates


def test_fields_of_tasks_are_read(tmp_path: Path) -> None:
    said = {"family": "f", "level": 3, "crates": ["petgraph"], "crate_type": "lib", "licence": "MIT", "origin": "mine"}
    rows = [ROW | said | {"task_id": 7, "test": "use rand::Rng;\n#[test]\nfn t() {}"}, ROW | {"crates": "petgraph"}]
    [task, plain] = load_human_eval(written(tmp_path, *rows))
    assert {name: getattr(task, name) for name in said} == said | {"crates": ("petgraph", "rand")}
    assert (task.id, plain.family, plain.level, plain.crates) == ("7", "a", 1, ("petgraph",))


@pytest.mark.parametrize(
    "field", ["tests", "reference", "code_prompt", "context", "choices", "labels", "answers", "weight", "split"]
)
def test_a_field_that_would_be_lost_is_refused(tmp_path: Path, field: str) -> None:
    with pytest.raises(DataError, match=rf"rows\.jsonl:1: the line itself: HumanEval rows have no '{field}'"):
        load_human_eval(written(tmp_path, ROW | {field: "x"}))
    assert load_human_eval(written(tmp_path, ROW | {"difficulty": "x", "schema_version": 3, "id": "a"}))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([ROW, {**ROW, "task_id": "b", "test": None}], r"rows\.jsonl:2: test: "),
        ([ROW, ROW], r"rows\.jsonl:2: the id 'a' appears twice"),
        ([ROW | {"kind": "numeric"}], r"rows\.jsonl:1: kind: "),
        ([ROW | {"task_id": 1.5}], r"rows\.jsonl:1: task_id: "),
        ([ROW | {"task_id": True}], r"rows\.jsonl:1: task_id: "),
        ([1], r"rows\.jsonl:1: the line itself: "),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, rows: list[object], why: str) -> None:
    with pytest.raises(DataError, match=why):
        load_human_eval(written(tmp_path, *rows))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_human_eval(tmp_path / "none.jsonl")
