"""Which runs a sweep has: each key and value checked against the recipe's schema before anything starts, and named.

Grid and list are known whole; random draws too, since they depend on the seed alone. What TPE chooses after its first
draws depends on results (`workflows.experiments.search`). Left out on purpose: running them.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.config.load import Values, load_config
from burnish.config.stages.kinds.evaluate import EvaluateStage
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.sweep import GridSearch, ListSearch, RandomSearch, Range, SweepConfig, TpeSearch
from burnish.errors import ConfigError
from burnish.score.summaries.rates import METRICS
from burnish.workflows.experiments.search import Trial, fits, propose

Params = Mapping[str, Any]
LONGEST_ID = 120
"""Characters of a run id; its number tells runs apart whose ids are cut."""


@dataclass(frozen=True)
class Plan:
    """A sweep whose keys and values fit its recipe."""

    config: SweepConfig
    base: Path
    """File of the recipe."""
    total: int
    fixed: tuple[Params, ...] | None
    """The runs' values where they depend on no result."""

    def params(self, index: int, history: Sequence[Trial], begun: Params | None = None) -> Params:
        """The values of run ``index``, given all runs before it, and those that it began with where it did."""
        if self.fixed is not None:
            return self.fixed[index]
        search = self.config.search
        assert isinstance(search, TpeSearch)
        if begun is not None and fits(search, begun):
            return begun
        return propose(search, index, seed=self.config.seed, direction=self.config.objective.direction, history=history)

    def recipe(self, params: Params, run_id: str, runs_dir: Path) -> Recipe:
        """The recipe of one run."""
        own = Values("this sweep", {"name": run_id, "runs_dir": str(runs_dir)})
        return load_config(Recipe, self.base, values=[*self._said(params), own])

    def first(self) -> Recipe:
        """The recipe of the first run, in the folder where the recipe itself would put it."""
        return load_config(Recipe, self.base, values=self._said(self.params(0, ())))

    def _said(self, params: Params) -> list[Values]:
        return [Values("overrides", self.config.overrides), Values("search", params)]


def plan_sweep(config: SweepConfig, base: Path) -> Plan:
    """Check the whole sweep; ConfigError names the first key or value that the recipe cannot have."""
    search = config.search
    fixed: tuple[Params, ...] | None
    match search:
        case GridSearch():
            keys = list(search.space)
            fixed = tuple(dict(zip(keys, one, strict=True)) for one in itertools.product(*search.space.values()))
        case ListSearch():
            fixed = search.runs
        case RandomSearch():
            _check_space(config, base, search.space)
            fixed = tuple(propose(search, index, seed=config.seed) for index in range(search.runs))
        case TpeSearch():
            _check_space(config, base, search.space)
            fixed = None
    total = len(fixed) if fixed is not None else search.runs if isinstance(search, TpeSearch) else 0
    plan = Plan(config, base, total, fixed)
    if isinstance(search, GridSearch | ListSearch):
        for params in plan.fixed or ():
            plan.recipe(params, "run", Path("runs"))
    _check_metrics(plan)
    return plan


def run_id(index: int, params: Params) -> str:
    """``run_000_learning_rate_0p0001_r_8``: number, then keys by their last parts and values, dots as ``p``."""
    parts = [f"run_{index:03d}"]
    for key, value in params.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
        parts.append(f"{_short(key, params)}_{str(shown).replace('.', 'p')}")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", "_".join(parts))[:LONGEST_ID].rstrip("-_")


def _short(key: str, params: Params) -> str:
    """The last parts of a key that no other key of the run ends with."""
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        ending = parts[-length:]
        if sum(other.split(".")[-length:] == ending for other in params) == 1:
            return "-".join(ending)
    return "-".join(parts)


def _check_space(config: SweepConfig, base: Path, space: Mapping[str, Sequence[Any] | Range]) -> None:
    """Every value once, and both ends of every range, beside the first values of the other keys."""
    first = {key: one.low if isinstance(one, Range) else one[0] for key, one in space.items()}
    for key, one in space.items():
        for value in (one.low, one.high) if isinstance(one, Range) else one:
            said = [Values("overrides", config.overrides), Values("search.space", first | {key: value})]
            load_config(Recipe, base, values=said)


def _check_metrics(plan: Plan) -> None:
    """The stages that objective and pruning name are there, and measure what they ask."""
    config = plan.config
    stages = {stage.name: stage for stage in plan.first().stages}
    asked = {"objective.stage": config.objective.stage}
    if config.pruning is not None:
        asked["pruning.stage"] = config.pruning.stage
    for key, name in asked.items():
        if name not in stages:
            raise ConfigError(f"{key} is {name!r}, and the recipe has no such stage.", nearest(name, stages))
    metric = config.objective.metric
    if isinstance(stages[config.objective.stage], EvaluateStage) and metric not in METRICS:
        raise ConfigError(
            f"objective.metric is {metric!r}, and an evaluate stage does not measure that.", nearest(metric, METRICS)
        )


def nearest(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """The way out of a name that is not known."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}."
