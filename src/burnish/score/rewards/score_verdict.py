"""Turn a verdict into a `Score`, by the shape that the configuration names.

    from burnish.config.reward import DenseReward
    from burnish.score.rewards.score_verdict import score_verdict
    score = score_verdict(DenseReward(), verdict, task)

What holds for every shape: a fault of the machine is unscored, and so is an answer to a task without hidden tests,
since anything that compiles would pass it; every wrong program is below every right one; the value is the sum of the
components ``reward_<term>``. Not covered: advantages (`score.advantages`).
"""

from __future__ import annotations

from typing import assert_never

from burnish.config.reward import (
    DenseReward,
    Graded,
    LadderReward,
    RewardConfig,
    SparseReward,
    SystemAReward,
    SystemBReward,
)
from burnish.records import Score, Task, Verdict
from burnish.score.rewards.dense import dense_bounds, dense_terms
from burnish.score.rewards.evidence import Evidence
from burnish.score.rewards.ladder import ladder_terms
from burnish.score.rewards.sparse import sparse_terms
from burnish.score.rewards.system_a import system_a_terms
from burnish.score.rewards.system_b import system_b_bounds, system_b_terms

TERM = "reward_"
"""Prefix of the components that add up to the value."""


def score_verdict(config: RewardConfig, verdict: Verdict, task: Task) -> Score:
    """Compute the reward of one completion with its components."""
    if verdict.status == "infra":
        return _unscored(verdict, f"infra: {verdict.detail}" if verdict.detail else "infra")
    if task.tests is None:
        return _unscored(verdict, "the task has no hidden tests")
    partial = isinstance(config, Graded) and config.partial_rust_tests
    evidence = Evidence(verdict, task, partial)
    terms = _terms(config, evidence)
    return Score(
        task_id=verdict.task_id,
        sample_index=verdict.sample_index,
        value=sum(terms.values()),
        components=evidence.components() | {TERM + name: value for name, value in terms.items()},
    )


def reward_bounds(config: RewardConfig) -> tuple[float, float]:
    """Return the least and the highest reward of a shape."""
    match config:
        case DenseReward():
            return dense_bounds(config)
        case SystemBReward():
            return system_b_bounds(config)
        case SparseReward() | LadderReward() | SystemAReward():
            return 0.0, 1.0
    assert_never(config)


def _terms(config: RewardConfig, evidence: Evidence) -> dict[str, float]:
    match config:
        case DenseReward():
            return dense_terms(config, evidence)
        case SparseReward():
            return sparse_terms(evidence)
        case LadderReward():
            return ladder_terms(config, evidence)
        case SystemAReward():
            return system_a_terms(config, evidence)
        case SystemBReward():
            return system_b_terms(config, evidence)
    assert_never(config)


def _unscored(verdict: Verdict, reason: str) -> Score:
    return Score(task_id=verdict.task_id, sample_index=verdict.sample_index, value=None, unscored_reason=reason)
