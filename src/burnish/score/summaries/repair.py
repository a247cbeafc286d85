"""Compute rates after each repair turn: answers that passed in this turn or an earlier one, over all first answers.

An answer that ended in infra is not known to be wrong; it is not repaired, and counts as not passed, as in
`score.summaries.rates`. Not covered: repairing (`workflows.evaluate.repair`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from burnish.records.evaluation import EvaluatedRow
from burnish.records.summary import Estimate, RepairTurn
from burnish.score.statistics.clustered import clustered_interval
from burnish.score.summaries.answers import COMPILED

Key = tuple[str, int]
"""Task and sample of a first answer."""


def repair_turns(
    first: Sequence[EvaluatedRow], later: Sequence[Sequence[tuple[Key, EvaluatedRow]]]
) -> list[RepairTurn]:
    """Return one line per turn; ``later`` holds the rows of each further turn with the first answers they repair."""
    rows = [row for row in first if row.kind == "rust"]
    turns = [[((row.task_id, row.sample_index), row) for row in rows], *later]
    passed: set[Key] = set()
    compiled: set[Key] = set()
    lines = []
    for turn, answered in enumerate(turns):
        passed |= {key for key, row in answered if row.correct}
        compiled |= {key for key, row in answered if row.scores[COMPILED]}
        lines.append(
            RepairTurn(turn=turn, asked=len(answered), passed=_share(rows, passed), compiled=_share(rows, compiled))
        )
    return lines


def _share(rows: Sequence[EvaluatedRow], succeeded: Collection[Key]) -> Estimate:
    successes: defaultdict[str, float] = defaultdict(float)
    counts: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        counts[row.family] += 1
        successes[row.family] += (row.task_id, row.sample_index) in succeeded
    low, high = clustered_interval([successes[name] for name in counts], list(counts.values()))
    return Estimate(value=len(succeeded) / len(rows), ci95=(low, high), n=len(rows))
