"""Choose the tasks a policy answers next: shuffled passes over all tasks, and seen tasks by their pass rate.

The gradient of a group grows with the spread of its rewards, sqrt(p (1 - p)) at pass rate p. So a seen task is drawn
with the weight 4 p (1 - p), and at least `FLOOR`: the policy may forget a task that always passed, or learn one that
never did. p is an exponential average over the groups of the task. Draws depend on seed, draw and history alone.

Not covered: judging, and groups without signal (`train.grpo.rollouts`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from burnish.fsio import digest_json

FLOOR = 0.05
"""Least weight of a seen task."""
MEMORY = 0.5
"""Share of the old pass rate in the new one."""


@dataclass(frozen=True)
class Prompts:
    """Prompts of all tasks."""

    task_ids: Sequence[str]
    ids: Sequence[Sequence[int]]
    """Tokens of each prompt, ending with the generation prompt."""
    stop_ids: frozenset[int]
    """Tokens that end an answer."""
    pass_rates: Mapping[int, float] = field(default_factory=dict)
    """Pass rates of earlier answers, in 0..1, by the index of the task."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 over names, tokens and pass rates."""
        prompts = [[name, list(ids)] for name, ids in zip(self.task_ids, self.ids, strict=True)]
        return digest_json([prompts, sorted(self.pass_rates.items())])


class PromptPool:
    """Draw tasks by index, and track their pass rates.

    Args:
        tasks: number of tasks.
        seed: seed of the draws.
        revisit_share: largest share of a draw from seen tasks.
        rates: pass rates of earlier answers; such tasks count as seen.
    """

    def __init__(
        self, tasks: int, *, seed: int, revisit_share: float, rates: Mapping[int, float] = MappingProxyType({})
    ) -> None:
        self._tasks = tasks
        self._seed = seed
        self._revisit_share = revisit_share
        self._draws = 0
        self._cursor = 0
        self._rates: dict[int, float] = dict(rates)

    def draw(self, count: int, leave_out: Collection[int] = ()) -> list[int]:
        """Draw ``count`` different tasks, none of ``leave_out``; enough tasks must be left."""
        random = np.random.default_rng([self._seed, 0, self._draws])
        self._draws += 1
        known = sorted(task for task in self._rates if task not in leave_out)
        revisited = min(int(count * self._revisit_share), len(known))
        drawn: list[int] = []
        if revisited:
            weights = np.array([self.weight(task) for task in known])
            drawn = random.choice(known, size=revisited, replace=False, p=weights / weights.sum()).tolist()
        taken = {*drawn, *leave_out}
        while len(drawn) < count:
            task = self._next()
            if task not in taken:
                taken.add(task)
                drawn.append(task)
        return drawn

    def weight(self, task: int) -> float:
        """Return the weight of a seen task, in `FLOOR`..1."""
        rate = self._rates[task]
        return max(FLOOR, 4 * rate * (1 - rate))

    def note(self, task: int, pass_rate: float) -> None:
        """Record the pass rate of a group of the task."""
        old = self._rates.get(task)
        self._rates[task] = pass_rate if old is None else MEMORY * old + (1 - MEMORY) * pass_rate

    @property
    def seen(self) -> int:
        """Count the tasks with a pass rate."""
        return len(self._rates)

    def state(self) -> dict[str, Any]:
        """Return the state that later draws depend on."""
        return {"draws": self._draws, "cursor": self._cursor, "rates": dict(self._rates)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        self._draws, self._cursor = state["draws"], state["cursor"]
        self._rates = {int(task): float(rate) for task, rate in state["rates"].items()}

    def _next(self) -> int:
        """Return the next task of the shuffled passes."""
        turn, place = divmod(self._cursor, self._tasks)
        if place == 0 or turn != getattr(self, "_turn", None):
            self._turn = turn
            self._order = np.random.default_rng([self._seed, 1, turn]).permutation(self._tasks)
        self._cursor += 1
        return int(self._order[place])
