"""What holds for every shape: bounds, wrong below right, infra unscored, terms that add up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from burnish.config.reward import ALL_SHAPES, DenseReward, LadderReward, RewardConfig, SystemAReward, SystemBReward
from burnish.records import Task, TestCounts, Verdict
from burnish.score.rewards.score_verdict import TERM, reward_bounds, score_verdict
from tests.score.example_verdicts import broken, infra, passing, wrong
from tests.score.rewards.verdict_strategies import DISTINCT, task_with, tasks, verdicts

OTHERS: list[RewardConfig] = [
    DenseReward(compile=0.0, tests=2.0, lints=0.0, documentation=0.5, partial_rust_tests=True),
    LadderReward(parse=0.0, check=0.0, build=0.0, test=0.0),
    SystemAReward(tests=1.0, lint_limit=0.0, idiom=0.0),
    SystemBReward(floor=0.0, structure=0.0, panics=-9.0, documentation=4.0),
]
EVERY = (*ALL_SHAPES, *OTHERS)
shapes = pytest.mark.parametrize("shape", EVERY, ids=lambda shape: shape.kind)
NO_CODE = Verdict(task_id="t", status="fail", stage="extract", reason="no_code", compiled=False)
OFF_TASK = wrong("t").model_copy(update={"stage": "build", "tests": TestCounts()})
ONLY_COMPILES = wrong("t").model_copy(update={"tests": TestCounts(run=12, passed=0, expected=12)})


def reward(shape: RewardConfig, verdict: Verdict, task: Task = DISTINCT) -> float:
    value = score_verdict(shape, verdict, task).value
    assert value is not None
    return value


@settings(max_examples=200)
@given(verdict=verdicts(), task=tasks)
def test_rewards_are_bounded_and_the_sum_of_their_terms(verdict: Verdict, task: Task) -> None:
    for shape in EVERY:
        score = score_verdict(shape, verdict, task)
        if verdict.status == "infra":
            assert score.value is None
            assert score.unscored_reason.startswith("infra")
            continue
        low, high = reward_bounds(shape)
        assert score.value is not None
        assert low - 1e-9 <= score.value <= high + 1e-9
        terms = [value for name, value in score.components.items() if name.startswith(TERM)]
        assert score.value == pytest.approx(sum(terms))


@settings(max_examples=200)
@given(bad=verdicts("fail"), good=verdicts("pass"), task=tasks)
def test_every_wrong_program_is_below_every_right_one(bad: Verdict, good: Verdict, task: Task) -> None:
    for shape in EVERY:
        assert reward(shape, bad, task) < reward(shape, good, task)


@shapes
def test_programs_that_miss_the_task_earn_at_most_half_of_a_pass(shape: RewardConfig) -> None:
    right = reward(shape, passing("t"))
    low, _ = reward_bounds(shape)
    half = low + (right - low) / 2
    for bad in (NO_CODE, OFF_TASK, ONLY_COMPILES, broken("t")):
        assert reward(shape, bad) <= half
    assert reward(shape, NO_CODE) <= reward(shape, OFF_TASK) <= reward(shape, ONLY_COMPILES)


@shapes
def test_an_infra_verdict_is_unscored_with_the_reason(shape: RewardConfig) -> None:
    assert score_verdict(shape, infra("t", compiled=True), DISTINCT).value is None
    untested = score_verdict(shape, passing("t"), task_with(None))
    assert (untested.value, untested.unscored_reason) == (None, "the task has no hidden tests")


def test_components_are_named_and_keep_what_the_verifier_said() -> None:
    verdict = wrong("t").model_copy(update={"metrics": {"prompt_word_match": 0.25, "functions": 1.0}})
    components = score_verdict(DenseReward(), verdict, DISTINCT).components
    assert components["prompt_word_match"] == 0.25
    assert components["compiled"] == components["parsed"] == components["fits"] == 1.0
    assert components["tests_share"] == 7 / 12
    assert "functions" not in components
    assert score_verdict(DenseReward(), OFF_TASK, DISTINCT).components["fits"] == 0.0
