"""What counts as passed: above a constant, in a program that ran to its end."""

from __future__ import annotations

import pytest

from burnish.records import ProgramRun, ProgramTests, Reason, RustTests, Task, TestCounts, Verdict
from burnish.score.rewards.evidence import Evidence, constant_share
from tests.score.rewards.verdict_strategies import DISTINCT, task_with, values


def failed(passed: int, run: int, expected: int, reason: Reason = "tests_failed") -> Verdict:
    counts = TestCounts(run=run, passed=passed, expected=expected)
    return Verdict(task_id="t", status="fail", stage="test", reason=reason, compiled=True, tests=counts)


def counted(verdict: Verdict, task: Task, partial: bool = False) -> float:
    return Evidence(verdict, task, partial).tests


YES_NO = task_with(values("true", "true", "false", "true", type="bool"))
RUST = task_with(RustTests(source="#[test] fn a() {}"))
PROGRAM = task_with(ProgramTests(runs=tuple(ProgramRun(expected_stdout=one) for one in "aabc")))


def test_a_constant_answer_earns_nothing() -> None:
    assert constant_share(YES_NO) == 0.75
    assert counted(failed(3, 4, 4), YES_NO) == 0.0
    assert counted(failed(1, 4, 4), YES_NO) == 0.0
    assert constant_share(DISTINCT) == 1 / 12
    assert counted(failed(7, 12, 12), DISTINCT) == pytest.approx((7 / 12 - 1 / 12) / (11 / 12))
    assert constant_share(PROGRAM) == 0.5
    assert counted(failed(3, 4, 4), PROGRAM) == 0.5


def test_a_constant_is_one_per_function_and_type() -> None:
    both = task_with(
        values("1", "1", "2").model_copy(
            update={"cases": (*values("1", "1", "2").cases, *values("7", "7", "7", call="g(Some({index}))").cases)}
        )
    )
    assert constant_share(both) == 5 / 6
    one_each = values("1").cases + values("7", call="g({index})").cases
    assert constant_share(task_with(values("1").model_copy(update={"cases": one_each}))) == 0.0


def test_where_all_values_are_the_same_only_a_pass_counts() -> None:
    same = task_with(values("1", "1", "1"))
    assert counted(failed(2, 3, 3), same) == 0.0
    right = failed(3, 3, 3).model_copy(update={"status": "pass", "reason": "ok"})
    assert counted(right, same) == 1.0


def test_a_program_without_a_whole_report_keeps_no_partial_credit() -> None:
    assert counted(failed(6, 12, 12, "runtime_error"), DISTINCT) > 0  # panics, each in a test of its own
    assert counted(failed(6, 6, 12), DISTINCT) == 0.0  # exit(0) after six
    assert counted(failed(6, 12, 12, "timeout"), DISTINCT) == 0.0
    assert counted(failed(12, 12, 12), DISTINCT) == 0.0  # all passed, and then no end
    assert counted(failed(3, 4, 4), PROGRAM) > 0  # runs of a program end at the first failure


def test_tests_in_rust_count_whole_unless_asked_otherwise() -> None:
    assert counted(failed(2, 4, 4), RUST) == 0.0
    assert counted(failed(2, 4, 4), RUST, partial=True) == 0.5


def test_documentation_is_full_where_there_is_nothing_to_document_and_none_where_nothing_was_read() -> None:
    verdict = failed(0, 1, 1)
    assert Evidence(verdict, DISTINCT).documented == 0.0
    assert Evidence(verdict.model_copy(update={"metrics": {"functions": 1.0}}), DISTINCT).documented == 1.0
