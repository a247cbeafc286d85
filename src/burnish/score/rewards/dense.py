"""Reward compilation and the share of hidden tests, with small terms for style. The default shape.

    reward = compile * fits + tests * t + [pass] * (lints * max(0, 1 - n / lint_limit) + documentation * d)

``fits``: it compiles and its tests could be run; ``t``: tests passed above a constant answer (`evidence`); ``n`` lints;
``d`` documented share. In 0..1 with the default weights (0.2, 0.7, 0.06, 0.04). Style counts only on a pass, so no
wrong program can make up for a failed test by comments. Degenerate: no code, or code without the items asked for, is 0.

Source: on 150 held-out crates compile + share of tests did better than pass alone or the phase reached.
"""

from __future__ import annotations

from burnish.config.reward import DenseReward
from burnish.score.rewards.evidence import Evidence


def dense_terms(config: DenseReward, evidence: Evidence) -> dict[str, float]:
    """Compute the terms of the sum."""
    lint_free = max(0.0, 1 - len(evidence.verdict.lints) / config.lint_limit)
    return {
        "compile": config.compile * evidence.fits,
        "tests": config.tests * evidence.tests,
        "lints": config.lints * lint_free * evidence.passed,
        "documentation": config.documentation * evidence.documented * evidence.passed,
    }


def dense_bounds(config: DenseReward) -> tuple[float, float]:
    """Return the least and the highest reward."""
    return 0.0, config.compile + config.tests + config.lints + config.documentation
