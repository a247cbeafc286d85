"""Reward the furthest phase reached.

    reward = 0 no code, 0.1 syntax error, 0.2 refused by the compiler, 0.3 compiles but not with its tests,
             0.4 its tests run and fail, 1 pass                                       (weights by default)

In 0..1. A program that only runs and one with a single wrong value earn the same: the ladder cannot tell a
cheat from an honest wrong answer, but ranks neither above the other. Degenerate: a fault of the build counts as
refused by the compiler.
"""

from __future__ import annotations

from burnish.config.reward import LadderReward
from burnish.score.rewards.evidence import Evidence


def ladder_terms(config: LadderReward, evidence: Evidence) -> dict[str, float]:
    """Compute the only term."""
    return {"phase": _height(config, evidence)}


def _height(config: LadderReward, evidence: Evidence) -> float:
    if evidence.passed:
        return 1.0
    if not evidence.has_code:
        return 0.0
    if evidence.verdict.stage == "parse":
        return config.parse
    if not evidence.verdict.compiled:
        return config.check
    return config.test if evidence.fits else config.build
