"""Select training rows from judged completions: right, complete, good enough, distinct, and not too many.

Each step names why it drops a completion; the report has the counts, which add up to what was sampled. Only what passes
all hidden tests is kept unless the configuration says otherwise. Too many rows are reduced to those of the hardest
tasks that were solved; the lower its pass rate in the round, the harder a task. Three limits, in this order:

1. Of the tasks that every sample solved only a share is kept: the model learns little from them.
2. A quota per level or family.
3. A number of rows in all.

Not covered: training, what earlier rounds selected (`merge_rounds` puts rounds together).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from burnish.config.stages.selection import Quota, SelectionConfig
from burnish.fsio import digest_json
from burnish.records import Verdict
from burnish.score.rewards.evidence import passed_share
from burnish.score.selection.held_out import HeldOut
from burnish.score.selection.judged import Judged
from burnish.score.selection.pass_rates import PassRates
from burnish.score.selection.thresholds import adapted, failing_limit, row_weight


@dataclass(frozen=True)
class Kept:
    """A completion to learn from, and its weight."""

    judged: Judged
    weight: float


@dataclass(frozen=True)
class SelectionReport:
    """Counts of one round's completions; ``kept`` and the values of ``dropped`` add up to ``sampled``."""

    sampled: int
    infra: int
    compiled: int
    passed: int
    kept: int
    tasks: int
    tasks_solved: int
    """Tasks of which any completion passed."""
    tasks_mixed: int
    """Tasks of which some completions passed and some failed."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason -> completions."""
    max_lints: float | None = None
    """Limits as adapted to this round; None without limits."""
    min_idiom: float | None = None


@dataclass(frozen=True)
class Selection:
    """The selected completions in the order of sampling, and the report."""

    kept: tuple[Kept, ...]
    report: SelectionReport


def select(config: SelectionConfig, judged: Sequence[Judged], held_out: HeldOut, seed: int) -> Selection:
    """Select among the completions of one round.

    Args:
        config: limits.
        judged: all completions of the round.
        held_out: tasks that nobody may learn from.
        seed: decides which of the always solved tasks stay.

    Raises GateError when a held-out task is among them.
    """
    held_out.check([answer.task for answer in judged])
    verdicts = [answer.verdict for answer in judged]
    rates = PassRates()
    rates.add(verdicts)
    chooser = _Chooser(judged)
    chooser.drop("infra", [answer for answer in judged if answer.verdict.status == "infra"])
    chooser.drop("failed", [answer for answer in chooser.left if not _right(answer.verdict, config.min_tests)])
    chooser.drop("cut_off", [answer for answer in chooser.left if not answer.whole])
    limits = None if config.thresholds is None else adapted(config.thresholds, verdicts)
    if limits is not None:
        for reason in ("lints", "idiom", "undocumented"):
            chooser.drop(reason, [answer for answer in chooser.left if failing_limit(limits, answer.verdict) == reason])
    chooser.drop("duplicate", duplicates(chooser.left))
    if config.per_task is not None:
        chooser.drop("per_task", _beyond_best(chooser.left, config.per_task, lambda row: row.task.id))
    chooser.drop("solved", _beyond_solved_share(chooser.left, rates, config.solved_share, seed))
    for quota in config.quotas:
        chooser.drop(f"quota of {quota.by}", _beyond_quota(_hardest_first(chooser.left, rates), quota))
    if config.most is not None:
        chooser.drop("most", _hardest_first(chooser.left, rates)[config.most :])
    kept = tuple(Kept(answer, row_weight(config, answer)) for answer in chooser.left)
    solved = {answer.task.id for answer in judged if answer.passed}
    failed = {answer.task.id for answer in judged if answer.verdict.status == "fail"}
    report = SelectionReport(
        sampled=len(judged),
        infra=sum(verdict.status == "infra" for verdict in verdicts),
        compiled=sum(verdict.compiled is True for verdict in verdicts),
        passed=sum(answer.passed for answer in judged),
        kept=len(kept),
        tasks=len({answer.task.id for answer in judged}),
        tasks_solved=len(solved),
        tasks_mixed=len(solved & failed),
        dropped=dict(chooser.dropped),
        max_lints=None if limits is None else limits.max_lints,
        min_idiom=None if limits is None else limits.min_idiom,
    )
    return Selection(kept, report)


def merge_rounds(rounds: Iterable[Sequence[Kept]]) -> list[Kept]:
    """Merge the rounds; an answer of several rounds counts once, as in the earliest."""
    merged: dict[str, Kept] = {}
    for kept in rounds:
        for row in kept:
            merged.setdefault(row.judged.answer_key, row)
    return list(merged.values())


def duplicates(rows: Sequence[Judged]) -> list[Judged]:
    """Return all but the best rewarded of each repeated answer."""
    return _beyond_best(rows, 1, lambda row: row.answer_key)


class _Chooser:
    """Hold the completions left, and count the dropped ones by reason."""

    def __init__(self, judged: Sequence[Judged]) -> None:
        self.left = list(judged)
        self.dropped: Counter[str] = Counter()

    def drop(self, reason: str, dropped: Sequence[Judged]) -> None:
        """Remove these completions, all of which are still there."""
        if dropped:
            removed = {id(answer) for answer in dropped}
            self.left = [answer for answer in self.left if id(answer) not in removed]
            self.dropped[reason] += len(removed)


def _right(verdict: Verdict, least: float) -> bool:
    return verdict.status == "pass" or (least < 1 and bool(verdict.compiled) and passed_share(verdict) >= least)


def _beyond_best(rows: Sequence[Judged], count: int, of: Callable[[Judged], str]) -> list[Judged]:
    """Return all but the best rewarded ``count`` rows of each group ``of`` rows."""
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        groups[of(row)].append(row)
    return [beyond for group in groups.values() for beyond in sorted(group, key=lambda row: row.order)[count:]]


def _hardest_first(rows: Sequence[Judged], rates: PassRates) -> list[Judged]:
    """Order rows by the pass rate of their tasks, then by falling reward."""
    return sorted(rows, key=lambda row: (rates.rate(row.task.id) or 0.0, *row.order))


def _beyond_solved_share(rows: Sequence[Judged], rates: PassRates, share: float, seed: int) -> list[Judged]:
    """Return the rows to drop of tasks that every sample solved; ``seed`` chooses the tasks that stay."""
    solved = sorted({row.task.id for row in rows if rates.rate(row.task.id) == 1.0})
    solved.sort(key=lambda task_id: digest_json(["solved", seed, task_id]))
    left_out = set(solved[round(share * len(solved)) :])
    return [row for row in rows if row.task.id in left_out]


def _beyond_quota(ordered: Sequence[Judged], quota: Quota) -> list[Judged]:
    """Return the rows beyond the quota; the first of ``ordered`` are kept."""
    seen: Counter[str] = Counter()
    left_out: list[Judged] = []
    for row in ordered:
        kind = row.task.family if quota.by == "family" else str(row.task.level)
        seen[kind] += 1
        if seen[kind] > quota.most:
            left_out.append(row)
    return left_out
