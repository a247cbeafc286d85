"""``burnish reward``: mistakes, and what a replay prints."""

from __future__ import annotations

import json
from pathlib import Path

from burnish.records import Completion, Rollout, Task, ValueCase, ValueTests, Verdict
from tests.cli.test_verbs import assert_mistake, burnish


def test_an_unknown_shape_is_named_with_those_that_exist() -> None:
    way_out = assert_mistake(
        burnish("reward", "attack", "--shapes", "dense,density"), "reward shape 'density' does not exist"
    )
    assert "ladder" in way_out


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert_mistake(burnish("reward", "replay", "gone", cwd=tmp_path), "gone does not exist")


def test_a_replay_prints_a_table_or_json(tmp_path: Path) -> None:
    case = ValueCase(call="f(1)", type="i64", expected="1")
    task = Task(id="f", family="f", prompt=(), tests=ValueTests(cases=(case,)))
    verdict = Verdict(task_id="f", status="fail", stage="test", reason="timeout", compiled=True, code="fn looping() {}")
    rollout = Rollout(completion=Completion(task_id="f", text="fn looping() {}"), verdict=verdict)
    (tmp_path / "tasks.jsonl").write_text(task.to_json() + "\n")
    (tmp_path / "rollouts.jsonl").write_text(rollout.to_json() + "\n")
    said = ("reward", "replay", "rollouts.jsonl", "--shapes", "ladder,sparse")
    tasks = ("--set", "tasks.kind=file", "--set", "tasks.path=tasks.jsonl")
    table = burnish(*said, *tasks, cwd=tmp_path).stdout
    assert "with signal" in table
    assert "fn looping" in table
    report = json.loads(burnish(*said, *tasks, "--json", cwd=tmp_path).stdout)
    assert [(shape["shape"], shape["mean"]) for shape in report["shapes"]] == [("ladder", 0.4), ("sparse", 0.0)]
