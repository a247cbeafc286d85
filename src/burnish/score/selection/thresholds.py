"""Limit the quality of selected programs, more strictly while few completions compile, and weight them in the loss.

    keep  lints <= max_lints  and  idiom >= min_idiom  and  documented (where asked for)

With c the share of completions that compile and t the rate from which the limits stand as they are,

    f = min(1, c / t),   max_lints <- f max_lints,   min_idiom <- min_idiom + (1 - min_idiom) (1 - f)

Source: the rejection-sampling fine-tuning of SigilDERG-Finetuner (``expert_iteration.py``), where they decide alone.
Here they come after the tests, and lints are counted at all: the original looked for them where clippy does not write.
Degenerate: where nothing compiles, only programs without a lint and with a perfect idiom score are kept. Infra does not
count in c.

    weight  equal    1
            reward   its reward
            quality  0.4 max(0, 1 - lints / (max_lints + 1)) + 0.4 idiom + 0.2 documented, in 0..1

Source of ``quality``: the same. Training divides by the mean weight, so only ratios matter. Degenerate: an answer whose
weight would be 0 (unscored or worthless) has the weight `LEAST`, since a row must have one.
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.config.stages.selection import SelectionConfig, Thresholds
from burnish.records import Verdict
from burnish.score.selection.judged import Judged

LEAST = 0.01


def adapted(config: Thresholds, verdicts: Sequence[Verdict]) -> Thresholds:
    """Adapt the limits to the verdicts of a round."""
    known = [bool(verdict.compiled) for verdict in verdicts if verdict.compiled is not None]
    rate = sum(known) / len(known) if known else 0.0
    factor = min(1.0, rate / config.compile_rate)
    return config.model_copy(
        update={
            "max_lints": config.max_lints * factor,
            "min_idiom": config.min_idiom + (1 - config.min_idiom) * (1 - factor),
        }
    )


def failing_limit(limits: Thresholds, verdict: Verdict) -> str:
    """Return the limit that a program exceeds: ``lints``, ``idiom`` or ``undocumented``; empty when none."""
    if len(verdict.lints) > limits.max_lints:
        return "lints"
    if verdict.metrics.get("idiom_score", 0.0) < limits.min_idiom:
        return "idiom"
    if limits.documented and not is_documented(verdict):
        return "undocumented"
    return ""


def is_documented(verdict: Verdict) -> bool:
    """Return whether any item that needs documentation has some, or none needs it."""
    return verdict.metrics.get("documented_share", float(bool(verdict.metrics))) > 0


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
