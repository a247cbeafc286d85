"""Limit the quality of selected programs, more strictly while few completions compile.

    keep  lints <= max_lints  and  idiom >= min_idiom  and  documented (where asked for)

With c the share of completions that compile and t the rate from which the limits stand as they are,

    f = min(1, c / t),   max_lints <- f max_lints,   min_idiom <- min_idiom + (1 - min_idiom) (1 - f)

Source: the rejection-sampling fine-tuning of SigilDERG-Finetuner (``expert_iteration.py``), where they decide alone.
Here they come after the tests, and lints are counted at all: the original looked for them where clippy does not write.
Degenerate: where nothing compiles, only programs without a lint and with a perfect idiom score are kept. Infra does not
count in c.
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.config.stages.selection import Thresholds
from burnish.records import Verdict


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
