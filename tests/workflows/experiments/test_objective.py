"""What a run reached, with its interval, and whether two runs are told apart on the same tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.config.verbs.sweep import Objective
from burnish.ledger.metrics import MetricsWriter
from burnish.records import Completion, Task, Verdict
from burnish.records.files import write_records
from burnish.score.statistics.intervals import wilson
from burnish.workflows.experiments.objective import compare_runs, distinguishable, logged, reached
from tests.score.example_verdicts import TESTS, broken, infra, passing, wrong

PASSED = Objective(stage="measure", metric="tests_passed")
TASKS = [Task(id=f"t{number}", family=f"t{number}", prompt=(), tests=TESTS) for number in range(40)]


def measured_run(folder: Path, passes: int, *, odd: Verdict | None = None) -> Path:
    """A run whose evaluate stage passed the first so many of 40 tasks; completions lie in another order."""
    verdicts = [passing(task.id) if number < passes else broken(task.id) for number, task in enumerate(TASKS)]
    if odd is not None:
        verdicts[-1] = odd
    write_records(folder / "tasks" / "held_out.jsonl", TASKS)
    write_records(folder / "measure" / "verdicts.jsonl", verdicts)
    write_records(folder / "measure" / "completions.jsonl", [Completion(task_id=t.id, text="") for t in TASKS[::-1]])
    return folder


def test_a_metric_of_an_evaluate_stage_has_its_interval(tmp_path: Path) -> None:
    run = measured_run(tmp_path, 30)
    found = reached(run, PASSED)
    assert found is not None
    assert (found.value, found.n) == (0.75, 40)
    assert found.ci95 == pytest.approx(wilson(30, 40), abs=0.01)
    compiled = reached(
        measured_run(tmp_path / "b", 10, odd=wrong("t39")), Objective(stage="measure", metric="compile_rate")
    )
    assert compiled is not None
    assert compiled.value == 11 / 40


def test_a_logged_metric_is_its_last_value_without_an_interval(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.jsonl")
    for step, loss in ((1, 3.0), (2, 2.0), (2, 1.5)):
        writer.log("sft", step, {"loss": loss})
    writer.log("other", 9, {"loss": 0.1})
    found = reached(tmp_path, Objective(stage="sft", metric="loss", direction="minimize"))
    assert found is not None
    assert (found.value, found.ci95) == (1.5, None)
    assert logged(tmp_path, "sft", "loss") == {1: 3.0, 2: 1.5}
    assert reached(tmp_path, Objective(stage="sft", metric="accuracy")) is None


def test_runs_are_compared_task_by_task(tmp_path: Path) -> None:
    best, near, far = (measured_run(tmp_path / str(passes), passes) for passes in (30, 29, 10))
    close, wide = compare_runs(best, near, PASSED), compare_runs(best, far, PASSED)
    assert close is not None
    assert wide is not None
    assert close.difference == pytest.approx(1 / 40)
    assert wide.difference == pytest.approx(0.5)
    assert not distinguishable(close)
    assert distinguishable(wide)
    turned = compare_runs(far, best, PASSED)
    assert turned is not None
    assert distinguishable(turned), "for a metric to minimise"


def test_a_machine_fault_is_no_fail(tmp_path: Path) -> None:
    best = measured_run(tmp_path / "a", 30)
    fault = measured_run(tmp_path / "b", 30, odd=infra("t39"))
    pair = compare_runs(best, fault, PASSED)
    assert pair is not None
    assert pair.difference == 0


def test_runs_of_other_tasks_have_no_difference(tmp_path: Path) -> None:
    best = measured_run(tmp_path / "a", 30)
    other = tmp_path / "b"
    task = Task(id="x", family="x", prompt=())
    write_records(other / "tasks" / "held_out.jsonl", [task])
    write_records(other / "measure" / "verdicts.jsonl", [passing("x")])
    write_records(other / "measure" / "completions.jsonl", [Completion(task_id="x", text="")])
    assert compare_runs(best, other, PASSED) is None
    assert compare_runs(best, tmp_path / "none", PASSED) is None
