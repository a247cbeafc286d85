"""Judging again and comparing where Rust is among the tasks: the verifier judges, infra and samples included."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.config.tasks import TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, FileAnswers
from burnish.errors import DataError
from burnish.fsio import read_lines, write_json
from burnish.records import Completion, Task, ValueCase, ValueTests, Verdict
from burnish.records.files import write_records
from burnish.records.summary import Summary
from burnish.workflows.evaluate.compare import compare
from burnish.workflows.evaluate.evaluate import evaluate
from burnish.workflows.evaluate.rescore import read_evaluated, rescore
from tests.score.example_rows import number_task

ADD = "pub fn add(a: i64, b: i64) -> i64 { a + b }"
RUST = Task(
    id="add",
    family="add",
    prompt=(),
    entry_point="add",
    tests=ValueTests(cases=(ValueCase(call="add(2, 3)", type="i64", expected="5"),)),
)


def evaluated(folder: Path, name: str, answers: list[Completion], tasks: list[Task]) -> Path:
    write_records(folder / "tasks.jsonl", tasks)
    write_records(folder / f"{name}.jsonl", answers)
    out = folder / name
    evaluate(
        EvaluateConfig(
            out=out,
            tasks=TaskFile(path=folder / "tasks.jsonl"),
            answers=FileAnswers(path=folder / f"{name}.jsonl"),
        )
    )
    return out


def test_rust_among_other_kinds_is_judged_by_the_verifier(tmp_path: Path) -> None:
    answers = [
        Completion(task_id="n", text="A: 12"),
        Completion(task_id="add", sample_index=0, text=ADD.replace("+", "-")),
        Completion(task_id="add", sample_index=1, text=ADD),
    ]
    out = evaluated(tmp_path, "mixed", answers, [number_task("n", "12"), RUST])
    (model,) = Summary.from_json((out / "summary.json").read_text()).models
    numbers, rust = model.kinds
    assert (rust.n, rust.metrics["tests_passed"].value) == (2, 0.5)
    assert (numbers.kind, numbers.correct, rust.kind, rust.correct) == ("numeric", 1, "rust", 1)
    assert rust.metrics["pass@2"].value == 1.0
    assert rust.problems == {"tests_failed": 1, "ok": 1}
    assert [(row.task_id, row.sample_index, row.correct) for row in read_evaluated(out)] == [
        ("n", 0, True),
        ("add", 0, False),
        ("add", 1, True),
    ]
    again = rescore(out)
    assert again.changed == 0
    assert len(list(read_lines(again.folder / "verdicts.jsonl"))) == 2


def test_folders_of_older_runs_without_rows_can_be_compared_and_judged_again(tmp_path: Path) -> None:
    good = evaluated(tmp_path, "good", [Completion(task_id="add", text=ADD)], [RUST])
    # The evaluate stage of an older run holds completions and verdicts; the tasks lie in another stage's folder.
    stage = tmp_path / "run" / "base"
    other = RUST.model_copy(update={"id": "other", "family": "other"})
    write_records(tmp_path / "run" / "tasks" / "held_out.jsonl", [RUST, other, number_task("n", "1")])
    # Answers stand in the order they were finished in, verdicts in that of the tasks.
    names = ["other", "add"]
    write_records(stage / "completions.jsonl", [Completion(task_id=name, text=ADD) for name in names])
    failed = Verdict(task_id="add", status="fail", stage="test", reason="tests_failed", compiled=True)
    passed = failed.model_copy(update={"task_id": "other", "status": "pass", "reason": "ok"})
    write_records(stage / "verdicts.jsonl", [failed, passed])
    report = compare(stage, good, tmp_path / "out")
    assert (report.kinds[0].wins, report.kinds[0].losses, report.a) == (1, 0, "base")
    write_json(tmp_path / "run" / "recipe.resolved.json", {"recipe": {"verify": {}}})
    assert rescore(stage).changed == 2  # what was extracted, of both; one of them does not fail


def test_a_stages_answers_are_matched_with_its_verdicts_in_whatever_order_batches_wrote_them(tmp_path: Path) -> None:
    tasks = [RUST.model_copy(update={"id": name}) for name in ("a", "b")]
    write_records(tmp_path / "tasks" / "held_out.jsonl", tasks)
    write_records(tmp_path / "base" / "completions.jsonl", [Completion(task_id=name, text=name) for name in ("b", "a")])
    verdicts = [
        Verdict(task_id=name, status="fail", stage="parse", reason="compile_error", compiled=False)
        for name in ("a", "b")
    ]
    write_records(tmp_path / "base" / "verdicts.jsonl", verdicts)
    assert [(row.task_id, row.text) for row in read_evaluated(tmp_path / "base")] == [("a", "a"), ("b", "b")]
    write_records(tmp_path / "base" / "verdicts.jsonl", verdicts[:1])
    with pytest.raises(DataError, match="do not belong together"):
        read_evaluated(tmp_path / "base")


def test_models_that_write_no_program_fail_and_stay_in_the_denominator(tmp_path: Path) -> None:
    said = {
        "nothing": "",
        "only thinks": f"<think>\n```rust\n{ADD}\n```\n",
        "always yes": "Yes",
        "in words": "The function adds both numbers and returns the sum.",
    }
    tasks = [RUST.model_copy(update={"id": name, "family": name}) for name in [*said, "right"]]
    answers = [Completion(task_id=name, text=text) for name, text in (said | {"right": ADD}).items()]
    out = evaluated(tmp_path, "all", answers, tasks)
    rows = {row.task_id: row for row in read_evaluated(out)}
    assert {name: row.correct for name, row in rows.items()} == dict.fromkeys(said, False) | {"right": True}
    assert {row.reason for name, row in rows.items() if name != "right"} <= {"no_code", "compile_error"}
    (kind,) = Summary.from_json((out / "summary.json").read_text()).models[0].kinds
    assert (kind.n, kind.metrics["tests_passed"].value) == (5, 0.2)
