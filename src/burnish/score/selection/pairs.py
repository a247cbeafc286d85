"""Pair a passing and a failing answer to the same task, for preferences and repairs.

The failing answers of a task are taken in order, each with one passing answer, up to a number per task. Equal
answers (`Judged.answer_key`) count once; cut answers and infra never enter.

| for | failing answers, first to last | passing answer |
| --- | --- | --- |
| preferences | those that compile, then the better rewarded | the best rewarded ones in turn |
| repairs | those that do not compile, whose errors say what to fix | the one that shares most tokens |

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
    """Return pairs whose passing answer is preferred."""
    pairs = []
    for passing, failing in _by_task(judged):
        hardest = sorted(failing, key=lambda answer: (not answer.verdict.compiled, *answer.order))[:per_task]
        pairs += [Pair(passing[index % len(passing)], answer) for index, answer in enumerate(hardest)]
    return pairs


def repair_pairs(judged: Sequence[Judged], per_task: int) -> list[Pair]:
    """Return pairs that repair a failing answer into a passing one; failing answers without code are left out."""
    pairs = []
    for passing, failing in _by_task(judged):
        repairable = [answer for answer in failing if answer.verdict.code]
        chosen = sorted(repairable, key=lambda answer: (bool(answer.verdict.compiled), *answer.order))[:per_task]
        pairs += [Pair(max(passing, key=lambda other: _likeness(answer, other)), answer) for answer in chosen]
    return pairs


def labelled(judged: Sequence[Judged], per_task: int) -> list[tuple[Judged, bool]]:
    """Return single answers, good and bad, at most ``per_task`` of each, of tasks that have both kinds."""
    answers: list[tuple[Judged, bool]] = []
    for passing, failing in _by_task(judged):
        hardest = sorted(failing, key=lambda answer: (not answer.verdict.compiled, *answer.order))
        answers += [(answer, True) for answer in passing[:per_task]]
        answers += [(answer, False) for answer in hardest[:per_task]]
    return answers


def _by_task(judged: Sequence[Judged]) -> Iterator[tuple[list[Judged], list[Judged]]]:
    """Yield passing and failing answers of each task that has both, highest reward first."""
    groups: defaultdict[tuple[str, Literal["pass", "fail"]], list[Judged]] = defaultdict(list)
    for answer in judged:
        if answer.whole and answer.verdict.status != "infra" and answer.completion.text.strip():
            groups[answer.task.id, answer.verdict.status].append(answer)
    for task_id in dict.fromkeys(answer.task.id for answer in judged):
        both = [_distinct(groups[task_id, status]) for status in ("pass", "fail")]
        if all(both):
            yield both[0], both[1]


def _distinct(rows: Sequence[Judged]) -> list[Judged]:
    repeated = {id(row) for row in duplicates(rows)}
    return sorted((row for row in rows if id(row) not in repeated), key=lambda row: row.order)


def _likeness(answer: Judged, other: Judged) -> float:
    """Return the share of common tokens, in 0..1."""
    here, there = (same_answer_tokens(judged.verdict.code) for judged in (answer, other))
    return difflib.SequenceMatcher(None, here, there, autojunk=False).ratio()
