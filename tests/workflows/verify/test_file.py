from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import DataError, RunFolderError
from burnish.verify.compiler.dependency_set import BUILD_COMMAND
from burnish.workflows.verify.file import verify_file

VALUES = {"kind": "values", "cases": [{"call": "add(2, 3)", "type": "i64", "expected": "5"}]}
DOUBLE = """use std::io::Read;
fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    println!("{}", 2 * text.trim().parse::<i32>().unwrap());
}"""
ROWS: list[dict[str, Any]] = [
    {"id": "runs", "code": 'fn main() { println!("```"); }'},
    {"id": "values", "completion": "```rust\nfn add(a: i64, b: i64) -> i64 { a + b }\n```", "tests": VALUES},
    {"id": "wrong", "code": "fn add(a: i64, b: i64) -> i64 { a - b }", "tests": VALUES},
    {"id": "checked", "code": "fn add(a: i64, b: i64) -> i64 { a - b }", "tests": VALUES, "goal": "check"},
    {"id": "broken", "code": "fn main() { let x: i32 = \"\"; }"},
    {"id": "continued", "prompt": "fn one() -> u8 {\n", "completion": "    1\n}\n", "entry_point": "one",
     "tests": {"kind": "rust", "source": "#[test]\nfn t() { assert_eq!(one(), 1); }"}},
    {"id": "doubled", "code": DOUBLE, "stdin": "21\n", "expected_stdout": "42"},
    {"id": "not doubled", "code": DOUBLE, "stdin": "21\n", "expected_stdout": "43\n", "goal": "run"},
    {"id": "unfinished", "code": DOUBLE, "stdin": "x\n", "expected_stdout": ""},
    {"id": "a library", "code": "pub fn main() {}", "crate_type": "lib"},
    {"id": "no program", "code": "pub fn f() {}", "crate_type": "bin"},
    {"id": "needy", "code": "use regex::Regex;\nfn main() { Regex::new(\"\").unwrap(); }"},
    {"id": "old", "code": "fn main() { let async = 1; let _ = async; }", "edition": "2015"},
]  # fmt: skip
BAD = [
    '{"id": "torn",',
    '{"id": 1.5, "code": "fn main() {}"}',
    '{"id": true, "code": "fn main() {}"}',
    '{"id": "nothing"}',
    '{"id": "both", "code": "", "completion": ""}',
    '{"id": "typo", "code": "fn main() {}", "test": []}',
    '{"id": "runs", "code": "fn main() {}"}',
    '{"id": "untested", "code": "fn main() {}", "goal": "test"}',
    '{"id": "both", "code": "fn main() {}", "stdin": "", "tests": {"kind": "values", "cases": []}}',
    '{"id": "lib", "code": "fn main() {}", "stdin": "", "crate_type": "lib"}',
]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([json.dumps(ROWS[0]), *BAD, "", *(json.dumps(row) for row in ROWS[1:])]) + "\n")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_row_gets_a_verdict_under_its_id(rows: Path, tmp_path: Path) -> None:
    summary = verify_file(rows, tmp_path / "out", VerifyConfig(dependencies=tmp_path / "none"))
    verdicts = read(tmp_path / "out/verdicts.jsonl")
    assert [(v["id"], v["stage"], v["reason"]) for v in verdicts] == [
        ("runs", "test", "ok"),
        ("values", "test", "ok"),
        ("wrong", "test", "tests_failed"),
        ("checked", "lint", "ok"),
        ("broken", "check", "compile_error"),
        ("continued", "test", "ok"),
        ("doubled", "test", "ok"),
        ("not doubled", "test", "tests_failed"),
        ("unfinished", "test", "runtime_error"),
        ("a library", "lint", "ok"),
        ("no program", "check", "compile_error"),
        ("needy", "check", "compile_error"),
        ("old", "test", "ok"),
    ]
    assert verdicts[1]["tests"] == {"run": 1, "passed": 1, "expected": 1}
    assert [row["line"] for row in read(tmp_path / "out/rejected.jsonl")] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert summary == json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["n"], summary["rejected_rows"], summary["infra"]) == (13, 10, 0)
    assert summary["error_codes"] == {"E0308": 1, "E0432": 1, "E0601": 1}
    assert summary["crates_not_built"] == {"regex": 1, "build_them": BUILD_COMMAND}
    assert summary["rates"]["compile_rate"]["rate"] == pytest.approx(10 / 13)


def test_the_same_command_again_compiles_nothing(rows: Path, tmp_path: Path) -> None:
    first = verify_file(rows, tmp_path / "out", VerifyConfig(dependencies=tmp_path / "none"))
    second = verify_file(rows, tmp_path / "out", VerifyConfig(dependencies=tmp_path / "none"))
    assert (second["cached"], second["cpu_ms"]) == (13, 0)
    assert second["reasons"] == first["reasons"]


def test_a_folder_with_other_things_is_left_alone(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="is not empty and has no verdicts"):
        verify_file(rows, out, VerifyConfig())
    assert [p.name for p in out.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("content", "cause", "way_out"),
    [
        (b"", "is empty", "Give a JSONL file"),
        (b" \n\r\n", "is empty", "Give a JSONL file"),
        (b"id,code\na,b\n", "no valid row; line 1: it is not JSON: Expecting value, column 1", "with id and code"),
        (b'{"id": "\xff"}\n', "line 1: it is not UTF-8: byte 9 is 0xff", "with id and code"),
        (b"[1]\n", "is JSON, not JSON lines", "jq -c '.[]'"),
        (b'[{"id": "a", "code": "fn a() {}"}]', "is JSON, not JSON lines", "jq -c '.[]'"),
        (b'{\n  "id": "a"\n}\n', "is JSON, not JSON lines", "jq -c '.' "),
        (b"3\n", "line 1: it is no JSON object", "with id and code"),
        (b"PAR1\x15\x04PAR1", "is a Parquet file", "pandas.read_parquet"),
        (b"PK\x03\x04x", "is packed with", "Unpack it"),
        (b"\x1f\x8bx", "is damaged", "gzip -t"),
    ],
)
def test_a_file_without_a_good_row_is_refused(tmp_path: Path, content: bytes, cause: str, way_out: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        verify_file(path, tmp_path / "out", VerifyConfig())
    assert cause in str(error.value)
    assert way_out in str(error.value)


def test_packed_rows_marks_and_nulls_are_read(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "code": "fn a() {}", "edition": None, "prompt": None, "tests": None, "sample_index": None},
        {"id": "b", "completion": "fn b() {}", "code": None, "crates": None, "goal": None, "stdin": None},
    ]
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("\ufeff{}\r\n{}".format(*map(json.dumps, rows)).encode()))
    summary = verify_file(path, tmp_path / "out", VerifyConfig(workers=1))
    assert (summary["n"], summary["rejected_rows"]) == (2, 0)
    assert [v["edition"] for v in read(tmp_path / "out/verdicts.jsonl")] == ["2021", "2021"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        verify_file(tmp_path / "none.jsonl", tmp_path / "out", VerifyConfig())


def test_an_instruction_is_not_continued_as_code(tmp_path: Path) -> None:
    """Joined with the answer, the words of an instruction would be a syntax error that the model never made."""
    path = tmp_path / "rows.jsonl"
    asked = "Write `fn doubled(value: i64) -> i64`, which gives twice the value."
    answer = "Sure:\n```rust\npub fn doubled(value: i64) -> i64 {\n    value * 2\n}\n```"
    rows = [
        {"id": "asked", "prompt": asked, "completion": answer},
        {"id": "plain", "prompt": asked, "completion": "pub fn doubled(value: i64) -> i64 {\n    value * 2\n}"},
        {"id": "refused", "prompt": asked, "completion": "I would rather not."},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    verify_file(path, tmp_path / "out", VerifyConfig(workers=1))
    verdicts = read(tmp_path / "out/verdicts.jsonl")
    assert [v["reason"] for v in verdicts] == ["ok", "ok", "no_code"]
    assert verdicts[0]["metrics"]["prompt_word_match"] > 0


def test_a_verdict_says_its_edition_whether_that_was_text_or_a_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows: list[dict[str, Any]] = [
        {"id": "number", "code": "fn main() {}", "edition": 2018},
        {"id": "text", "code": "fn main() {}", "edition": "2018"},
        {"id": "unsaid", "code": "fn main() {}"},
        {"id": "unknown", "code": "fn main() {}", "edition": 2022},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    verify_file(path, tmp_path / "out", VerifyConfig(workers=1))
    verdicts = read(tmp_path / "out/verdicts.jsonl")
    assert [(v["id"], v["edition"]) for v in verdicts] == [("number", "2018"), ("text", "2018"), ("unsaid", "2021")]
    (rejected,) = read(tmp_path / "out/rejected.jsonl")
    assert rejected["reason"].startswith("edition: ")


def test_a_rejected_row_is_given_the_reason_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "nothing"}\n{"id": "a", "code": "fn main() {}", "goal": "check"}\n')
    verify_file(path, tmp_path / "out", VerifyConfig(workers=1))
    (rejected,) = read(tmp_path / "out/rejected.jsonl")
    assert rejected["line"] == 1
    assert rejected["reason"].startswith("a row has either code or an answer: ")


def test_what_the_task_needs_is_infra_and_what_the_answer_wants_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    uses, plain = 'pub fn f() -> bool { regex::Regex::new("").is_ok() }', "pub fn f() -> bool { true }"
    needs = "use regex::Regex;\npub fn f() -> bool {\n"
    tests = {"kind": "rust", "source": '#[test]\nfn t() { assert!(f()); assert!(regex::Regex::new("").is_ok()); }'}
    rows: list[dict[str, Any]] = [
        {"id": "said", "code": plain, "crates": ["regex"]},
        {"id": "tests", "code": plain, "tests": tests},
        {"id": "prompt", "prompt": needs, "completion": 'Regex::new("").is_ok() }'},
        {"id": "repeated", "prompt": needs, "completion": f'{needs}Regex::new("").is_ok() }}'},
        {"id": "unused", "prompt": needs, "completion": "true }"},
        {"id": "unused, repeated", "prompt": needs, "completion": f"{needs}true }}"},
        {"id": "answer", "code": uses},
        {"id": "hidden", "code": f"#[cfg(any())] use regex::Regex;\n{plain}"},
        {"id": "both", "code": f'{uses} pub fn g() -> u8 {{ "" }}'},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = VerifyConfig(workers=1, dependencies=tmp_path / "none", infra_budget=1)
    summary = verify_file(path, tmp_path / "out", config)
    verdicts = read(tmp_path / "out/verdicts.jsonl")
    assert [(v["id"], v["reason"]) for v in verdicts] == [
        ("said", "infra"), ("tests", "infra"), ("prompt", "infra"), ("repeated", "infra"), ("unused", "ok"),
        ("unused, repeated", "ok"), ("answer", "compile_error"), ("hidden", "ok"), ("both", "compile_error"),
    ]  # fmt: skip
    assert summary["crates_not_built"] == {"regex": 1, "build_them": BUILD_COMMAND}


def test_at_most_256_kib_of_an_answer_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    start, most = "pub fn f() {}\n//", 256 * 1024
    rows = [
        {"id": "code", "code": start.ljust(most, "x")},
        {"id": "longer", "code": start.ljust(most + 1, "x")},
        {"id": "answer", "completion": start.ljust(most, "x")},
        {"id": "longer answer", "completion": start.ljust(most + 1, "x")},
        {"id": "bytes", "completion": start.ljust(most // 2 + 9, "é")},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    verify_file(path, tmp_path / "out", VerifyConfig(workers=1))
    verdicts = read(tmp_path / "out/verdicts.jsonl")
    assert [(v["id"], v["reason"]) for v in verdicts] == [
        ("code", "ok"), ("longer", "too_long"), ("answer", "ok"), ("longer answer", "too_long"), ("bytes", "too_long"),
    ]  # fmt: skip
    assert all(v["code"] == "" for v in verdicts if v["reason"] == "too_long")
