"""Which tasks a policy answers next: shuffled passes over all of them, and those seen before by their pass rate.

A group teaches by its spread, and with pass rate p its rewards spread as sqrt(p (1 - p)): a task is drawn again with a
weight of 4 p (1 - p), and of at least `FLOOR`, since what passed always may be forgotten and what never passed may be
learned. p is an exponential average over the groups of the task. Draws depend on seed, draw and history alone.

Not covered: judging; what becomes of a group that teaches nothing (`train.grpo.rollouts`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from burnish.fsio import digest_json

FLOOR = 0.05
"""Least weight of a task that was seen before."""
MEMORY = 0.5
"""Share of the old pass rate in the new one."""


@dataclass(frozen=True)
class Prompts:
    """What the policy is asked."""

    task_ids: Sequence[str]
    ids: Sequence[Sequence[int]]
    """Tokens of each prompt, the generation prompt at their end."""
    stop_ids: frozenset[int]
    """Tokens that end an answer."""
    pass_rates: Mapping[int, float] = field(default_factory=dict)
    """What is known of earlier answers, in 0..1, by the index of the task."""

    @property
    def digest(self) -> str:
        """SHA-256 over names, tokens and pass rates."""
        prompts = [[name, list(ids)] for name, ids in zip(self.task_ids, self.ids, strict=True)]
        return digest_json([prompts, sorted(self.pass_rates.items())])


class PromptPool:
    """Draws tasks by index and remembers how they went.

    Args:
        tasks: how many there are.
        seed: of the draws.
        revisit_share: share of a draw that comes from tasks seen before, as far as there are any.
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
        """``count`` different tasks, none of ``leave_out``; there must be as many."""
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
        """How readily a task that was seen is drawn again, in `FLOOR`..1."""
        rate = self._rates[task]
        return max(FLOOR, 4 * rate * (1 - rate))

    def note(self, task: int, pass_rate: float) -> None:
        """A group of the task passed by this share."""
        old = self._rates.get(task)
        self._rates[task] = pass_rate if old is None else MEMORY * old + (1 - MEMORY) * pass_rate

    @property
    def seen(self) -> int:
        """Tasks with a pass rate."""
        return len(self._rates)

    def state(self) -> dict[str, Any]:
        """All that later draws depend on."""
        return {"draws": self._draws, "cursor": self._cursor, "rates": dict(self._rates)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self._draws, self._cursor = state["draws"], state["cursor"]
        self._rates = {int(task): float(rate) for task, rate in state["rates"].items()}

    def _next(self) -> int:
        """The next of the shuffled passes."""
        turn, place = divmod(self._cursor, self._tasks)
        if place == 0 or turn != getattr(self, "_turn", None):
            self._turn = turn
            self._order = np.random.default_rng([self._seed, 1, turn]).permutation(self._tasks)
        self._cursor += 1
        return int(self._order[place])
