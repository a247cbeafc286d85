"""Pairs of a passing and a failing answer to the same task: what preferences and repairs are learned from.

Of a task the failing answers are taken in an order, each beside one passing answer, at most so many per task. Equal
answers (`Judged.answer_key`) count once; cut answers and infra never enter.

| for | failing answers, first to last | passing answer |
| --- | --- | --- |
| preferences | those that compile, then the better rewarded | the best rewarded ones in turn |
| repairs | those that do not compile, whose errors say what to mend | the one that shares most tokens |

Not covered: how a pair becomes a row.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from burnish.score.selection.judged import Judged
from burnish.score.selection.select import duplicates
from burnish.syntax.normalise import same_answer_tokens


@dataclass(frozen=True)
class Pair:
    """Two answers to one task."""

    passing: Judged
    failing: Judged


def preference_pairs(judged: Sequence[Judged], per_task: int) -> list[Pair]:
    """Pairs to prefer the passing one in."""
    found = []
    for passing, failing in _by_task(judged):
        hardest = sorted(failing, key=lambda one: (not one.verdict.compiled, *one.order))[:per_task]
        found += [Pair(passing[index % len(passing)], one) for index, one in enumerate(hardest)]
    return found


def repair_pairs(judged: Sequence[Judged], per_task: int) -> list[Pair]:
    """Pairs to mend the failing one into the passing one; failing answers without code are left out."""
    found = []
    for passing, failing in _by_task(judged):
        mendable = [one for one in failing if one.verdict.code]
        chosen = sorted(mendable, key=lambda one: (bool(one.verdict.compiled), *one.order))[:per_task]
        found += [Pair(max(passing, key=lambda other: _likeness(one, other)), one) for one in chosen]
    return found


def labelled(judged: Sequence[Judged], per_task: int) -> list[tuple[Judged, bool]]:
    """Single answers, good and bad, at most ``per_task`` of each, of tasks that have both kinds."""
    found: list[tuple[Judged, bool]] = []
    for passing, failing in _by_task(judged):
        hardest = sorted(failing, key=lambda one: (not one.verdict.compiled, *one.order))
        found += [(one, True) for one in passing[:per_task]]
        found += [(one, False) for one in hardest[:per_task]]
    return found


def _by_task(judged: Sequence[Judged]) -> Iterator[tuple[list[Judged], list[Judged]]]:
    """Passing and failing answers of each task that has both, the best rewarded first."""
    groups: defaultdict[tuple[str, Literal["pass", "fail"]], list[Judged]] = defaultdict(list)
    for one in judged:
        if one.whole and one.verdict.status != "infra" and one.completion.text.strip():
            groups[one.task.id, one.verdict.status].append(one)
    for task_id in dict.fromkeys(one.task.id for one in judged):
        both = [_distinct(groups[task_id, status]) for status in ("pass", "fail")]
        if all(both):
            yield both[0], both[1]


def _distinct(rows: Sequence[Judged]) -> list[Judged]:
    again = {id(one) for one in duplicates(rows)}
    return sorted((one for one in rows if id(one) not in again), key=lambda one: one.order)


def _likeness(one: Judged, other: Judged) -> float:
    """Share of tokens in common, in 0..1."""
    here, there = (same_answer_tokens(judged.verdict.code) for judged in (one, other))
    return difflib.SequenceMatcher(None, here, there, autojunk=False).ratio()
