"""Compute the numbers of one batch of rollouts: rewards and their parts, rates, spread, lengths, and waste.

Rates go over all completions, in the loss or not; rewards over the scored ones.
Not covered: loss, KL and entropy (the trainer has them), seconds (`train.watch.meter`).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from burnish.records import Verdict
from burnish.train.grpo.rollouts import Group

PREFIX = "rollouts/"
PARTS = "rewards/"
_TERM = "reward_"
_SHARE = "tests_share"


def rollout_metrics(groups: Sequence[Group]) -> dict[str, float]:
    """Return means over the batch, without those that have no value."""
    samples = [sample for group in groups for sample in group.samples]
    verdicts = [verdict for group in groups for verdict in group.verdicts]
    scores = [score for group in groups for score in group.scores]
    scored = [[reward for reward in group.rewards if reward is not None] for group in groups]
    rewards = [reward for values in scored for reward in values]
    spreads = [statistics.stdev(values) for values in scored if len(values) > 1]

    def share(of: Callable[[Verdict], bool]) -> float:
        return sum(map(of, verdicts)) / len(verdicts)

    lengths = [sample.completion.completion_tokens for sample in samples]
    metrics = {
        "compile_rate": share(lambda verdict: bool(verdict.compiled)),
        "parse_rate": share(lambda verdict: verdict.stage not in ("extract", "parse")),
        "lint_free_rate": share(lambda verdict: verdict.lint_free),
        "tests_passed": share(lambda verdict: verdict.status == "pass"),
        "infra_share": share(lambda verdict: verdict.status == "infra"),
        "lints": statistics.fmean(len(verdict.lints) for verdict in verdicts),
        "cached_share": share(lambda verdict: verdict.cached),
        "groups_with_signal": statistics.fmean(group.has_signal for group in groups),
        "wasted_share": statistics.fmean(not group.has_signal for group in groups for _ in group.samples),
        "completions": float(len(samples)),
        "completion_length": statistics.fmean(lengths),
        "truncated_share": statistics.fmean(not sample.answer.finished for sample in samples),
    }
    if spreads:
        metrics["group_std"] = statistics.fmean(spreads)
    metrics = {PREFIX + name: float(value) for name, value in metrics.items()}
    if rewards:
        metrics["reward"] = statistics.fmean(rewards)
        metrics["reward_std"] = statistics.pstdev(rewards)
    for name in sorted({name for score in scores for name in score.components}):
        parts = [score.components[name] for score in scores if name in score.components]
        if name.startswith(_TERM):
            metrics[PARTS + name.removeprefix(_TERM)] = statistics.fmean(parts)
        elif name == _SHARE:
            metrics[PREFIX + name] = statistics.fmean(parts)
    return metrics
