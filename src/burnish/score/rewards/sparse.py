"""Reward a pass only.

    reward = 1 if every hidden test passed, else 0

Only the tests can be exploited, and a group that fails as a whole has no signal. Degenerate: none.
"""

from __future__ import annotations

from burnish.score.rewards.evidence import Evidence


def sparse_terms(evidence: Evidence) -> dict[str, float]:
    """Compute the only term."""
    return {"pass": float(evidence.passed)}
