from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.data.tasks.humanevalpack import load_humanevalpack, read_answers
from burnish.errors import DataError
from burnish.records import RustTests
from burnish.verify import Verifier

ROW = {
    "task_id": "Rust/0",
    "declaration": "\nuse std::cmp::max;\nuse rand::Rng;\nuse regex::Regex;\nuse md5;\n\nfn f(rand: i32) -> i32 {\n",
    "canonical_solution": "    max(rand, 1)\n}\n",
    "buggy_solution": "    max(rand, 2)\n}\n",
    "test": "#[cfg(test)]\nmod tests { use super::*; #[test] fn t() { assert_eq!(f(0), 1); } }\n",
    "entry_point": "f",
    "instruction": "Write f.",
}


def write(tmp_path: Path, **changed: str) -> Path:
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps(ROW | changed) + "\n")
    return path


def test_imports_that_nothing_uses_are_dropped(tmp_path: Path) -> None:
    task = load_humanevalpack(write(tmp_path))[0]
    assert task.crates == ()
    declaration = "\nuse std::cmp::max;\n\nfn f(rand: i32) -> i32 {\n"
    assert task.code_prompt == ROW["declaration"]
    assert task.reference == declaration + ROW["canonical_solution"]
    assert "regex" not in task.prompt[0].content
    assert isinstance(task.tests, RustTests)


@pytest.mark.parametrize(
    ("field", "text", "crates"),
    [
        ("canonical_solution", '    md5::compute(b""); 1\n}\n', ("md5",)),
        ("canonical_solution", '    Regex::new(""); 1\n}\n', ("regex",)),
        ("test", "#[test]\nfn t() { assert_eq!(f(rand::random()), 1); }\n", ("rand",)),
        ("test", 'use regex::Regex;\n#[test]\nfn t() { Regex::new(""); }\n', ("regex",)),
    ],
)
def test_crates_that_are_really_needed_are_listed(
    tmp_path: Path, field: str, text: str, crates: tuple[str, ...]
) -> None:
    assert load_humanevalpack(write(tmp_path, **{field: text}))[0].crates == crates


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", ":2: not JSON"), ('{"task_id": "x"}', ":2: no text under"), ("[]", ":2: no text under")],
)
def test_broken_rows_are_named_by_line(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=message):
        load_humanevalpack(path)


def test_missing_fields_name_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="buggy_solution"):
        read_answers(write(tmp_path), "bugs")


def test_canonical_solutions_pass_and_buggy_ones_fail(shared: Path, tmp_path: Path) -> None:
    path = shared / "data/humanevalpack_rust/problems.jsonl"
    tasks = load_humanevalpack(path)
    recorded = [json.loads(row) for row in path.with_name("verdicts_rustc195.jsonl").read_text().splitlines()]
    needing = {row["task_id"] for row in recorded if row["needs_crate"]}
    assert {task.id for task in tasks if task.crates} == needing
    with Verifier(VerifyConfig(dependencies=tmp_path)) as verifier:
        for field, status in (("canonical_solution", "pass"), ("buggy_solution", "fail")):
            verdicts = verifier.verify(list(zip(tasks, read_answers(path, field), strict=True)))
            assert Counter(v.status for v in verdicts if v.task_id not in needing) == {status: 82 - len(needing)}
            assert {v.task_id for v in verdicts if v.status == "infra"} == needing
