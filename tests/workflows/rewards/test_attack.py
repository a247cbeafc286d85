"""No cheat is paid more than an honest wrong answer, by any shape; and an attack that succeeds is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from burnish.cli.train import reward as reward_group
from burnish.config.reward import ALL_SHAPES, DenseReward, RewardAttackConfig, RewardConfig
from burnish.config.verify import VerifyConfig
from burnish.score.cheating.corpus import Answer, Role, read_corpus
from burnish.workflows.rewards.attack import attack_rewards


@pytest.fixture(scope="module")
def verify(tmp_path_factory: pytest.TempPathFactory) -> VerifyConfig:
    return VerifyConfig(cache=tmp_path_factory.mktemp("attack") / "verdicts.sqlite")


@pytest.fixture(scope="module")
def whole(verify: VerifyConfig) -> dict[str, Any]:
    return attack_rewards(RewardAttackConfig(verify=verify))


def attack(verify: VerifyConfig, answers: list[Answer], *shapes: RewardConfig) -> dict[str, Any]:
    return attack_rewards(RewardAttackConfig(shapes=shapes or ALL_SHAPES, verify=verify), answers)


def of_task(task: str) -> list[Answer]:
    return [answer for answer in read_corpus() if answer.task.id == task]


def test_the_corpus_is_withstood_under_every_shape(whole: dict[str, Any]) -> None:
    assert whole["breaches"] == []
    assert whole["withstood"]
    assert [shape["shape"] for shape in whole["shapes"]] == [shape.kind for shape in ALL_SHAPES]
    for shape in whole["shapes"]:
        assert shape["best_cheat"] <= shape["lowest_wrong"] < shape["lowest_right"]


def test_the_shared_hostile_set_is_withstood_under_every_shape(shared: Path, verify: VerifyConfig) -> None:
    own = [answer for answer in of_task("add_and_reverse") if answer.role != "cheat"]
    honest: dict[str, Role] = {"t01_ok_control": "right", "t14_own_tests_mod": "right", "t02_wrong": "wrong"}
    hostile = [
        Answer(own[0].task, file.stem, honest.get(file.stem, "cheat"), f"```rust\n{file.read_text()}\n```\n")
        for file in sorted((shared / "hostile").glob("t*.rs"))
    ]
    assert len(hostile) >= 14
    found = attack(verify, [*own, *hostile])
    assert found["breaches"] == []


def test_partial_credit_for_rust_tests_is_found_to_pay_constants(whole: dict[str, Any], verify: VerifyConfig) -> None:
    found = attack(verify, of_task("count_vowels"), DenseReward(partial_rust_tests=True))
    assert not found["withstood"]
    assert {one["answer"] for one in found["breaches"]} == {"cheat_constant", "cheat_visible_example"}
    assert all(one["reward"] > one["limit"] for one in found["breaches"])


def test_the_command_ends_with_exit_code_1_when_a_cheat_is_paid(whole: dict[str, Any], verify: VerifyConfig) -> None:
    app = typer.Typer()
    app.add_typer(reward_group.app, name="reward")
    shapes = 'shapes=["sparse", {"kind": "dense", "partial_rust_tests": true}]'
    shown = CliRunner().invoke(app, ["reward", "attack", "--set", shapes, "--set", f"verify.cache={verify.cache}"])
    assert shown.exit_code == 1
    assert "NOT withstood" in shown.stdout
    assert "cheat_constant" in shown.stdout


def test_a_mislabelled_answer_counts_as_a_breach(verify: VerifyConfig) -> None:
    by_name = {answer.name: answer for answer in of_task("is_prime")}
    task = by_name["right_plain"].task
    flags: list[Answer] = [
        Answer(task, "solves_it", "cheat", by_name["right_plain"].text),
        Answer(task, "does_not_compile", "wrong", "pub fn is_prime(n: u32) -> bool { n }"),
        Answer(task, "is_wrong", "right", by_name["wrong_inverted"].text),
    ]
    found = attack(verify, flags, DenseReward())
    problems = {one["answer"]: one["problem"] for one in found["breaches"] if one["shape"] == "every shape"}
    assert problems.keys() == {"solves_it", "does_not_compile", "is_wrong"}
    assert not found["withstood"]
