"""Track how often each task was solved, and draw tasks that are worth answering again.

    weight = max(FLOOR, 4 p (1 - p)),    p the share of a task's judged completions that passed

4 p (1 - p) is the variance of a pass in units of its maximum: 1 where half of the completions pass, 0 where all agree,
when selecting among them or comparing them tells nothing. Tasks that were never judged weigh 1. Tasks are drawn without
replacement with chances in proportion (Efraimidis and Spirakis 2006: the largest u^(1 / weight), u uniform).

Not covered: forgetting; a rate is over everything that was ever judged.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from burnish.fsio import digest_json
from burnish.records import Verdict

FLOOR = 0.05
"""Weight of a task that was always or never solved, so that it is drawn now and then."""


class PassRates:
    """Count passes by task; infra counts for nothing."""

    def __init__(self) -> None:
        self._judged: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Count further verdicts."""
        for verdict in verdicts:
            if verdict.status != "infra":
                self._judged[verdict.task_id] += 1
                self._passed[verdict.task_id] += verdict.status == "pass"

    def rate(self, task_id: str) -> float | None:
        """Return the share of the task's judged completions that passed, in 0..1; None without any."""
        judged = self._judged[task_id]
        return self._passed[task_id] / judged if judged else None

    def weight(self, task_id: str) -> float:
        """Return the weight of the module's formula."""
        rate = self.rate(task_id)
        return 1.0 if rate is None else max(FLOOR, 4 * rate * (1 - rate))

    def draw(self, task_ids: Sequence[str], count: int, seed: int) -> list[str]:
        """Draw ``count`` different tasks (all if there are fewer) in the order of ``task_ids``, by seed."""
        keys = {task_id: _uniform(seed, task_id) ** (1 / self.weight(task_id)) for task_id in task_ids}
        chosen = set(sorted(task_ids, key=lambda task_id: (-keys[task_id], task_id))[:count])
        return [task_id for task_id in task_ids if task_id in chosen]


def draw_in_turn(task_ids: Sequence[str], count: int, turn: int, seed: int) -> list[str]:
    """Draw ``count`` tasks (or all) for turn 0, 1, 2 ...: every task comes once before any comes again.

    The seed decides the order, which changes with each cycle. Tasks are returned in the order of ``task_ids``.
    """
    if count >= len(task_ids):
        return list(task_ids)
    waiting: deque[str] = deque()
    chosen: set[str] = set()
    cycle = 0
    for _ in range(turn + 1):
        chosen, repeated = set(), []
        while len(chosen) < count:
            if not waiting:
                waiting.extend(_shuffled(task_ids, seed, cycle))
                cycle += 1
            following = waiting.popleft()
            if following in chosen:  # tasks of the next cycle, in a turn that crosses its border
                repeated.append(following)
            chosen.add(following)
        waiting.extendleft(reversed(repeated))
    return [task_id for task_id in task_ids if task_id in chosen]


def _shuffled(task_ids: Sequence[str], seed: int, cycle: int) -> list[str]:
    return sorted(task_ids, key=lambda task_id: digest_json([seed, cycle, task_id]))


def _uniform(seed: int, task_id: str) -> float:
    """Return a number in (0, 1), by digest."""
    return (int(digest_json(["draw", seed, task_id])[:13], 16) + 0.5) / 16**13
