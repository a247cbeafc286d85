"""Weights that would undo a shape's promise are refused; shapes go by name or with weights."""

from __future__ import annotations

import pytest

from burnish.config.load import load_config
from burnish.config.reward import DenseReward, RewardAttackConfig, SparseReward
from burnish.errors import ConfigError


def test_a_reward_shape_is_given_by_name_or_with_weights() -> None:
    loaded = load_config(RewardAttackConfig, None, ['shapes=["sparse", {"kind": "dense", "compile": 0.1}]'])
    assert loaded.shapes == (SparseReward(), DenseReward(compile=0.1))


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ('{"kind": "dense", "tests": 0.1}', "tests must weigh at least as much as compile"),
        ('{"kind": "ladder", "build": 0.1}', "a later phase must not be worth less"),
        ('{"kind": "ladder", "test": 0.9}', "less than or equal to 0.5"),
        ('{"kind": "system_a", "lints": 0, "idiom": 0, "documentation": 0}', "must be above 0"),
        ('{"kind": "system_b", "floor": -30}', "at least as large as floor"),
        ('{"kind": "system_b", "floor": 0, "compile": 0, "no_errors": 0, "parse": 0}', "must be above 0"),
    ],
)
def test_reward_weights_that_pay_wrong_answers_are_refused(shape: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        load_config(RewardAttackConfig, None, [f"shapes=[{shape}]"])
