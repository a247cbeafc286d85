"""Each shape's formula on numbers worked out by hand."""

from __future__ import annotations

import pytest

from burnish.config.reward import DenseReward, LadderReward, RewardConfig, SparseReward, SystemAReward, SystemBReward
from burnish.records import Diagnostic, TestCounts, Verdict, VerifyStage
from burnish.score.rewards.score_verdict import score_verdict
from tests.score.example_verdicts import broken, passing, wrong
from tests.score.rewards.verdict_strategies import DISTINCT


def reward(shape: RewardConfig, verdict: Verdict) -> float:
    value = score_verdict(shape, verdict, DISTINCT).value
    assert value is not None
    return value


def failing(stage: VerifyStage, compiled: bool) -> Verdict:
    return wrong("t").model_copy(update={"stage": stage, "compiled": compiled, "tests": TestCounts()})


PARTLY = 6 / 11
"""7 of 12 tests, of which a constant passes one."""


def test_the_dense_shape_equals_its_formula() -> None:
    shape = DenseReward()
    right = passing("t", lints=("x",)).model_copy(update={"metrics": {"documented_share": 0.5}})
    assert reward(shape, right) == pytest.approx(0.2 + 0.7 + 0.06 * 2 / 3 + 0.04 * 0.5)
    assert reward(shape, wrong("t")) == pytest.approx(0.2 + 0.7 * PARTLY)
    assert reward(shape, broken("t")) == 0.0
    assert reward(shape, failing("build", True)) == 0.0


def test_the_sparse_shape_equals_its_formula() -> None:
    assert [reward(SparseReward(), one) for one in (passing("t", lints=("x",)), wrong("t"))] == [1.0, 0.0]


def test_the_ladder_shape_equals_its_formula() -> None:
    climbing = [
        failing("extract", False), failing("parse", False), failing("check", False), failing("build", False),
        failing("build", True), wrong("t"), passing("t"),
    ]  # fmt: skip
    assert [reward(LadderReward(), one) for one in climbing] == [0.0, 0.1, 0.2, 0.2, 0.3, 0.4, 1.0]


def test_the_system_a_shape_equals_its_formula() -> None:
    right = passing("t", lints=("x",)).model_copy(update={"metrics": {"idiom_score": 0.5, "documented_share": 1.0}})
    assert reward(SystemAReward(), right) == pytest.approx(0.5 + 0.5 * (0.4 * (1 - 1 / 3) + 0.4 * 0.5 + 0.2))
    assert reward(SystemAReward(), wrong("t")) == pytest.approx(0.5 * PARTLY)


def test_the_system_b_shape_pays_a_right_program_by_its_formula() -> None:
    metrics = {
        "functions": 3.0, "structs": 1.0, "result_functions": 1.0, "documented_share": 0.5, "question_marks": 2.0,
        "panicking_calls": 1.0, "iterator_chains": 1.0, "iterator_chain_longest": 3.0, "matches": 1.0,
        "complexity_max": 12.0, "nesting_max": 4.0,
    }  # fmt: skip
    right = passing("t").model_copy(update={"metrics": metrics, "code": "let a = 1;\n" * 12})
    structure = 2 * (1.5 + 0.3)
    quality = 3 * (1 + 1 + 0.5 + 0.5 - 2)
    idiom = 2 * (1 + 0.8 + 0.6)
    complexity = -0.5 * 2 * 2 / 10 - 0.5 * 1 + 0.5
    assert reward(SystemBReward(), right) == pytest.approx(23 + 1 + structure + quality + idiom + complexity)


def test_system_b_lets_unwraps_take_style_alone() -> None:
    poor = passing("t").model_copy(update={"metrics": {"panicking_calls": 9.0, "functions": 1.0}, "code": "x\n" * 20})
    assert reward(SystemBReward(), poor) == 23.0


def test_the_system_b_shape_pays_wrong_programs_by_its_formula() -> None:
    shape = SystemBReward()
    warned = Diagnostic(level="warning", code="unused", message="w")
    two_errors = broken("t", codes=("E0308", "E0425"))
    with_warning = two_errors.model_copy(
        update={"diagnostics": (*two_errors.diagnostics, warned), "lints": ("unused",)}
    )
    assert reward(shape, with_warning) == -4.5
    assert reward(shape, failing("parse", False)) == -10.0  # one error, not parsed
    assert reward(shape, broken("t", codes=("E0308",) * 30)) == -20.0
    assert reward(shape, failing("extract", False)) == reward(shape, failing("build", True)) == -20.0
    assert reward(shape, wrong("t")) == pytest.approx(23 * PARTLY)
