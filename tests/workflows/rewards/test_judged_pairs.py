"""Preferences and repairs built from judged answers: what the rows say, what is refused, and that they train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from burnish.cli.app import app
from burnish.config.tasks import TaskFile
from burnish.config.verbs.build import BuildPreferencesConfig, BuildRepairsConfig
from burnish.data.encode.chat import IGNORED, encode_example
from burnish.data.encode.preferences import read_preferences
from burnish.data.gates.rows import check_gates
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.data.tasks.repair_prompt import ASK
from burnish.errors import DataError, GateError
from burnish.model.source import load_tokenizer
from burnish.records import Completion, Diagnostic, Example, Rollout, Task, TestCounts, Verdict
from burnish.records.files import read_records, read_rows, write_records
from burnish.workflows.build.preferences import build_preferences, build_repairs
from tests.tiny_models import make_tiny_model

TRAIN, HELD_OUT = build_rust_tasks(train=3, held_out=1, cases=2, seed=0)
ERROR = Diagnostic(level="error", code="E0425", message="no `k`", line=1, rendered="error[E0425]: no `k`")
ENDINGS = (
    ("pass", "ok", True),
    ("fail", "tests_failed", True),
    ("fail", "compile_error", False),
    ("infra", "infra", None),
)


def answers(task: Task) -> list[Rollout]:
    """One that passes, one that fails tests, one that does not compile, one that could not be judged."""
    found = []
    for index, (status, reason, compiled) in enumerate(ENDINGS):
        text = (task.reference or "").strip() if index == 0 else f"pub fn f() -> i64 {{ {index} }}"
        verdict = Verdict.model_validate(
            {
                "task_id": task.id,
                "sample_index": index,
                "status": status,
                "stage": "test" if compiled else "check",
                "reason": reason,
                "compiled": compiled,
                "code": text,
                "diagnostics": (ERROR,) if reason == "compile_error" else (),
                "tests": TestCounts(run=2, passed=1, expected=2) if reason == "tests_failed" else TestCounts(),
                "detail": "solve(41) gave 7",
            }
        )
        completion = Completion(task_id=task.id, sample_index=index, text=text)
        found.append(Rollout(step=4, completion=completion, verdict=verdict))
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_records(tmp_path / "tasks.jsonl", (*TRAIN, *HELD_OUT))
    write_records(tmp_path / "rollouts.jsonl", [answer for task in TRAIN for answer in answers(task)])
    return tmp_path / "rollouts.jsonl"


def settings_of(source: Path, out: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "out": source.parent / out, "tasks": TaskFile(path=source.parent / "tasks.jsonl"), **more}


def rows(folder: Path) -> list[dict[str, Any]]:
    return list(read_rows(folder / "train.jsonl"))


def test_pairs_are_what_a_preference_stage_reads(source: Path) -> None:
    meta = build_preferences(BuildPreferencesConfig(**settings_of(source, "pairs")))
    assert (meta["train"], meta["tasks"], meta["answers"]) == (6, 3, 9)
    assert meta["left_out"] == {"not judged by hidden tests": 3}
    found = rows(source.parent / "pairs")
    assert [row["rejected"] for row in found[:2]] == ["pub fn f() -> i64 { 1 }", "pub fn f() -> i64 { 2 }"]
    assert found[0]["chosen"] == (TRAIN[0].reference or "").strip()
    read = read_preferences(source.parent / "pairs/train.jsonl", "dpo")
    assert read[0].prompt == TRAIN[0].prompt
    build_preferences(BuildPreferencesConfig(**settings_of(source, "kto", method="kto", per_task=1)))
    assert [preference.good for preference in read_preferences(source.parent / "kto/train.jsonl", "kto")] == [
        True,
        False,
    ] * 3


def test_a_repair_is_trained_on_its_last_answer_alone(source: Path, tmp_path: Path) -> None:
    build_repairs(BuildRepairsConfig(**settings_of(source, "repairs")))
    examples = list(read_records(Example, source.parent / "repairs/train.jsonl"))
    assert len(examples) == 6
    task, failing, told, passing = examples[0].messages
    assert (task, failing.content) == (TRAIN[0].prompt[0], "pub fn f() -> i64 { 2 }")
    assert "error[E0425]: no `k`" in told.content
    assert told.content.endswith(ASK)
    assert passing.content == (TRAIN[0].reference or "").strip()
    assert "passes 1 of 2 tests" in examples[1].messages[2].content
    assert not any("solve(41)" in message.content for example in examples for message in example.messages)
    tokenizer = load_tokenizer(make_tiny_model(tmp_path / "model"))
    encoded = [encode_example(example, tokenizer) for example in examples]
    text = tokenizer.decode([label for label in encoded[0].labels if label != IGNORED])
    assert text == f"{passing.content}<|im_end|>"
    check_gates(encoded, tokenizer, max_length=4096, held_out=HELD_OUT, examples=examples)


def test_held_out_tasks_are_refused(source: Path) -> None:
    write_records(source, [answer for task in (*TRAIN, *HELD_OUT) for answer in answers(task)])
    with pytest.raises(GateError, match=f"the task {HELD_OUT[0].id} is the held-out task"):
        build_preferences(BuildPreferencesConfig(**settings_of(source, "pairs")))
    assert not (source.parent / "pairs").exists()
    write_records(source, [answer for task in TRAIN for answer in answers(task)])
    write_records(source.parent / "kept.jsonl", TRAIN[:1])
    with pytest.raises(GateError, match="held-out"):
        build_repairs(BuildRepairsConfig(**settings_of(source, "repairs", held_out=(source.parent / "kept.jsonl",))))


def test_answers_without_contrast_verdict_or_task_are_refused(source: Path) -> None:
    write_records(source, [answers(task)[0] for task in TRAIN])
    with pytest.raises(DataError, match="of 3 answers 3 pass"):
        build_preferences(BuildPreferencesConfig(**settings_of(source, "pairs")))
    write_records(source, [answer.model_copy(update={"verdict": None}) for answer in answers(TRAIN[0])])
    with pytest.raises(DataError, match="4 not judged by hidden tests"):
        build_repairs(BuildRepairsConfig(**settings_of(source, "repairs")))
    write_records(source, answers(TRAIN[0].model_copy(update={"id": "other"})))
    with pytest.raises(DataError, match="the task 'other' is unknown"):
        build_repairs(BuildRepairsConfig(**settings_of(source, "repairs")))


def test_the_command_writes_judged_pairs(source: Path) -> None:
    tasks = ("--set", "tasks.kind=file", "--set", f"tasks.path={source.parent / 'tasks.jsonl'}")
    out = source.parent / "repairs"
    done = CliRunner().invoke(
        app, ["data", "build", "repairs", "--set", f"source={source}", "--set", f"out={out}", *tasks]
    )
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        f"6 rows of 3 tasks, built from 9 answers, in {out}",
        "left out: 3 not judged by hidden tests",
    ]
