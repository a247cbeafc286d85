"""Weight a selected completion in the loss.

    equal    1
    reward   its reward
    quality  0.4 max(0, 1 - lints / (max_lints + 1)) + 0.4 idiom + 0.2 documented

Source of ``quality``: the rejection-sampling fine-tuning of SigilDERG-Finetuner (``expert_iteration.py``); in 0..1.
Training divides by the mean weight, so only ratios matter. Degenerate: an answer whose weight would be 0 (unscored or
worthless) has the weight `LEAST`, since a row must have one.
"""

from __future__ import annotations

from burnish.config.stages.selection import SelectionConfig, Thresholds
from burnish.records import Verdict
from burnish.score.selection.judged import Judged
from burnish.score.selection.thresholds import is_documented

LEAST = 0.01


def row_weight(config: SelectionConfig, judged: Judged) -> float:
    """Return the weight of a row, above 0."""
    match config.weights:
        case "equal":
            return 1.0
        case "reward":
            return max(LEAST, judged.reward)
        case "quality":
            return max(LEAST, quality(judged.verdict, (config.thresholds or Thresholds()).max_lints))


def quality(verdict: Verdict, max_lints: float) -> float:
    """Return the published weight, in 0..1."""
    lint_free = max(0.0, 1 - len(verdict.lints) / (max_lints + 1))
    return 0.4 * lint_free + 0.4 * verdict.metrics.get("idiom_score", 0.0) + 0.2 * is_documented(verdict)
