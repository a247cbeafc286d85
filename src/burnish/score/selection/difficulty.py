"""Reduce too many rows to those of the hardest tasks that were solved.

The lower its pass rate in the round, the harder a task. Three limits, in this order:

1. Of the tasks that every sample solved only a share is kept: the model learns little from them.
2. A quota per level or family.
3. A number of rows in all.

Not covered: tasks that nobody solved, which have no rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from burnish.config.stages.selection import Quota
from burnish.fsio import digest_json
from burnish.score.selection.judged import Judged
from burnish.score.selection.pass_rates import PassRates


def hardest_first(rows: Sequence[Judged], rates: PassRates) -> list[Judged]:
    """Order rows by the pass rate of their tasks, then by falling reward."""
    return sorted(rows, key=lambda row: (rates.rate(row.task.id) or 0.0, *row.order))


def beyond_solved_share(rows: Sequence[Judged], rates: PassRates, share: float, seed: int) -> list[Judged]:
    """Return the rows to drop of tasks that every sample solved; ``seed`` chooses the tasks that stay."""
    solved = sorted({row.task.id for row in rows if rates.rate(row.task.id) == 1.0})
    solved.sort(key=lambda task_id: digest_json(["solved", seed, task_id]))
    left_out = set(solved[round(share * len(solved)) :])
    return [row for row in rows if row.task.id in left_out]


def beyond_quota(ordered: Sequence[Judged], quota: Quota) -> list[Judged]:
    """Return the rows beyond the quota; the first of ``ordered`` are kept."""
    seen: Counter[str] = Counter()
    left_out: list[Judged] = []
    for row in ordered:
        kind = row.task.family if quota.by == "family" else str(row.task.level)
        seen[kind] += 1
        if seen[kind] > quota.most:
            left_out.append(row)
    return left_out
