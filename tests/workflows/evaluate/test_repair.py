"""Repair turns: what is told, who is asked again, and rates over all first answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.fsio import read_lines
from burnish.generate.scripted import ScriptedGenerator
from burnish.records import Completion, Message, Task
from burnish.records.files import read_records
from burnish.workflows.evaluate.repair import repair
from burnish.workflows.evaluate.score import judge_answers
from burnish.workflows.verify.judge import open_verifier
from tests.workflows.evaluate.test_rescore import ADD, RUST

WRONG, BROKEN = ADD.replace("+", "-"), ADD.replace("a + b", "a + c")
TASKS = [
    RUST.model_copy(update={"id": name, "family": name, "prompt": (Message(role="user", content="add"),)})
    for name in ("right", "wrong", "broken", "hopeless")
]


def test_failing_answers_are_retried_and_stay_in_the_denominator(tmp_path: Path) -> None:
    said = {"right": ADD, "wrong": WRONG, "broken": BROKEN, "hopeless": WRONG}
    first = [Completion(task_id=name, text=text) for name, text in said.items()]
    later = {
        "wrong/sample 0/turn 1": [ADD],
        "broken/sample 0/turn 1": [WRONG],
        "hopeless/sample 0/turn 1": ["no idea"],
        "broken/sample 0/turn 2": [ADD],
        "hopeless/sample 0/turn 2": [BROKEN],
    }
    with open_verifier(VerifyConfig(), tmp_path) as verifier:
        judged = judge_answers(verifier, TASKS, first, tolerance=0)
        turns = repair(
            lambda: ScriptedGenerator(later),
            verifier,
            TASKS,
            first,
            judged,
            turns=2,
            folder=tmp_path,
            tolerance=0,
        )
    assert [(turn.turn, turn.asked, turn.passed.value, turn.compiled.value) for turn in turns] == [
        (0, 4, 0.25, 0.75),
        (1, 3, 0.5, 1.0),
        (2, 2, 0.75, 1.0),
    ]
    assert {turn.passed.n for turn in turns} == {4}
    assert all(turn.passed.ci95[0] <= turn.passed.value <= turn.passed.ci95[1] for turn in turns)
    asked = {task.id: task for task in read_records(Task, tmp_path / "turn_2" / "tasks.jsonl")}
    talk = asked["broken/sample 0/turn 2"].prompt
    assert [message.role for message in talk] == ["user", "assistant", "user", "assistant", "user"]
    assert "E0425" in talk[2].content
    assert "0 of 1 tests" in talk[4].content
    assert not any("add(2, 3)" in message.content for message in talk)
    assert len(list(read_lines(tmp_path / "turn_1" / "rows.jsonl"))) == 3


def test_repair_ends_when_nothing_fails(tmp_path: Path) -> None:
    first = [Completion(task_id=task.id, text=ADD) for task in TASKS]
    with open_verifier(VerifyConfig(), tmp_path) as verifier:
        judged = judge_answers(verifier, TASKS, first, tolerance=0)
        turns = repair(
            lambda: pytest.fail("nobody is to be asked"),
            verifier,
            TASKS,
            first,
            judged,
            turns=3,
            folder=tmp_path,
            tolerance=0,
        )
    assert [(turn.turn, turn.asked, turn.passed.value) for turn in turns] == [(0, 4, 1.0)]
