"""Reward tests passed, then the quality weights of rejection-sampling fine-tuning.

    reward  = tests * t + [pass] * (1 - tests) * quality
    quality = (0.4 * max(0, 1 - n / (lint_limit + 1)) + 0.4 * idiom + 0.2 * documented) / (0.4 + 0.4 + 0.2)

``t``: tests passed above a constant answer (`evidence`); ``n`` lints; ``idiom`` the idiom score. In 0..1.

Published as a weight on programs that compile, without tests: alone it would reward a tidy program for the wrong
task. Two more corrections: lints are counted at all (the original looked for them where clippy does not write), and
documentation is a share, not the presence of one comment. Degenerate: a program too long to be read has quality 0 but
for its lints.
"""

from __future__ import annotations

from burnish.config.reward import SystemAReward
from burnish.score.rewards.evidence import Evidence


def system_a_terms(config: SystemAReward, evidence: Evidence) -> dict[str, float]:
    """Compute the terms of the sum."""
    lint_free = max(0.0, 1 - len(evidence.verdict.lints) / (config.lint_limit + 1))
    scale = evidence.passed * (1 - config.tests) / (config.lints + config.idiom + config.documentation)
    return {
        "tests": config.tests * evidence.tests,
        "lints": scale * config.lints * lint_free,
        "idiom": scale * config.idiom * evidence.metric("idiom_score"),
        "documentation": scale * config.documentation * evidence.documented,
    }
