"""Pass or not.

    reward = 1 if every hidden test passed, else 0

Nothing to exploit beside the tests, and no signal in a group that fails as a whole. Degenerate: none.
"""

from __future__ import annotations

from burnish.score.rewards.evidence import Evidence

BOUNDS = (0.0, 1.0)


def sparse_terms(evidence: Evidence) -> dict[str, float]:
    """The one summand."""
    return {"pass": float(evidence.passed)}
