"""The reward function as TRL's GRPO trainer calls it."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import DataError, InfraBudgetError
from burnish.protocols import Job, JobResult
from burnish.records import Score, Task, ValueCase, ValueTests, Verdict
from burnish.verify import Verifier
from burnish.verify.serve.reward import VerifierReward

ADD = "fn add(a: i64, b: i64) -> i64 { a + b }"
WRONG = ADD.replace("+", "-")
TESTS = {"kind": "values", "cases": [{"call": "add(2, 3)", "type": "i64", "expected": "5"}], "source": None}
"""As a dataset hands it over: filled up with None where other rows have more fields."""


@pytest.fixture(scope="module")
def reward() -> Iterator[VerifierReward]:
    with VerifierReward(VerifyConfig(workers=1)) as one:
        yield one


def as_trl_calls(reward: Any, completions: list[Any], **columns: Any) -> list[float | None]:
    """All that ``GRPOTrainer._calculate_rewards`` passes beside the columns of the dataset (trl 1.16)."""
    return list(
        reward(
            prompts=["Write add."] * len(completions),
            completions=completions,
            completion_ids=[[1, 2]] * len(completions),
            trainer_state=object(),
            log_extra=print,
            log_metric=print,
            **columns,
        )
    )


def test_a_right_answer_is_worth_one_in_either_form_of_completion(reward: VerifierReward) -> None:
    said = [{"role": "assistant", "content": f"```rust\n{ADD}\n```"}]
    columns = {"tests": [TESTS] * 4, "entry_point": ["add"] * 4, "difficulty": [1] * 4}
    assert as_trl_calls(reward, [ADD, WRONG, said, []], **columns) == [1.0, 0.0, 1.0, 0.0]


def test_a_task_column_can_be_json_or_mappings(reward: VerifierReward) -> None:
    case = ValueCase(call="add(2, 3)", type="i64", expected="5")
    task = Task(id="add", family="f", prompt=(), tests=ValueTests(cases=(case,)))
    assert as_trl_calls(reward, [ADD, WRONG], task=[task.to_json(), task.model_dump()]) == [1.0, 0.0]
    assert as_trl_calls(reward, [ADD], tests=[json.dumps(TESTS)]) == [1.0]


def test_without_tests_a_program_must_compile_and_run(reward: VerifierReward) -> None:
    assert as_trl_calls(reward, ["fn main() {}", "fn main() { panic!() }", "no code"]) == [1.0, 0.0, 0.0]


def test_a_task_that_cannot_be_judged_gets_none_and_stops_nothing(reward: VerifierReward) -> None:
    assert as_trl_calls(reward, [ADD], crates=[["no_such_crate"]]) == [None]


def test_custom_reward_values_see_the_verdict(reward: VerifierReward) -> None:
    def shaped(verdict: Verdict) -> float:
        return 0.2 * bool(verdict.compiled) + 0.8 * (verdict.status == "pass")

    own = VerifierReward(VerifyConfig(), value=shaped, verifier=reward._verifier)
    own.close()  # the verifier was given, so it stays open
    assert as_trl_calls(own, [ADD, WRONG, "fn add("], tests=[TESTS] * 3) == [1.0, 0.2, 0.0]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"task": ["{"]}, "not JSON"),
        ({"task": ["[1]"]}, "holds list"),
        ({"tests": [{"kind": "values"}]}, r"sample 0 has no usable task: tests\.values\.cases"),
    ],
)
def test_a_column_that_cannot_be_read_is_named(reward: VerifierReward, columns: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError, match=why):
        as_trl_calls(reward, [ADD], **columns)


class Broken:
    """A sandbox that never starts anything."""

    layers = ("broken",)

    def run(self, job: Job) -> JobResult:
        return JobResult(exit_code=-1, stdout=b"", stderr=b"", cpu_ms=0, wall_ms=0, fault="no sandbox")


def test_faults_are_none_until_there_are_too_many() -> None:
    config = VerifyConfig(workers=1, infra_budget=0.05)
    with Verifier(config.model_copy(update={"infra_budget": 1.0}), sandbox=Broken()) as verifier:
        reward = VerifierReward(config, verifier=verifier)
        assert as_trl_calls(reward, ["fn main() { }", "no code"]) == [None, 0.0]
        assert as_trl_calls(reward, ["fn main() {  }"]) == [None]
        with pytest.raises(InfraBudgetError, match="3 of 4 answers could not be judged"):
            as_trl_calls(reward, ["fn main() {   }"])


def test_the_installed_trl_calls_the_reward_with_these_arguments(reward: VerifierReward) -> None:
    """What `as_trl_calls` imitates stands in the installed trainer; its import is too slow for this."""
    [trainer] = [f for f in importlib.metadata.files("trl") or () if str(f).endswith("trainer/grpo_trainer.py")]
    source = " ".join(Path(str(trainer.locate())).read_text().split())
    assert "prompts=prompts, completions=completions, completion_ids=completion_ids_list, **reward_kwargs" in source
    assert "reward if reward is not None else torch.nan" in source
    for name in ("trainer_state", "log_extra", "log_metric"):
        assert f'reward_kwargs["{name}"]' in source
    assert reward.__name__ == "verifier_reward"  # the name under which TRL logs it


def test_a_shape_sees_verdict_and_task_and_its_components_are_logged(reward: VerifierReward) -> None:
    def shape(verdict: Verdict, task: Task) -> Score:
        if verdict.status == "infra":
            return Score(task_id=task.id, value=None, unscored_reason="infra")
        assert task.entry_point == "add"
        return Score(task_id=task.id, value=2.0 * (verdict.status == "pass"), components={"compiled": 1.0})

    own = VerifierReward(VerifyConfig(), shape=shape, verifier=reward._verifier)
    logged: dict[str, list[float | None]] = {}
    columns = {"tests": [TESTS] * 3, "entry_point": ["add"] * 3, "crates": [[], [], ["no_such_crate"]]}
    rewards = own(["Write add."] * 3, [ADD, WRONG, ADD], **columns, log_extra=logged.__setitem__)
    assert rewards == [2.0, 0.0, None]
    assert logged == {"compiled": [1.0, 1.0, None]}
