"""Plan the runs of a sweep: check each key and value against the recipe, and name them.

Grid, list and random draws are known in advance, since they depend on the seed alone. TPE's choices after its first
draws depend on results (`workflows.experiments.search`). Left out on purpose: running them.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from burnish.workflows.preflight import check_batches

Params = Mapping[str, Any]
LONGEST_ID = 120
"""Most characters of a run id; its number distinguishes runs with cut ids."""


@dataclass(frozen=True)
class Plan:
    """A sweep whose keys and values fit its recipe."""

    config: SweepConfig
    base: Path
    """File of the recipe."""
    total: int
    fixed: tuple[Params, ...] | None
    """The runs' values, if they do not depend on results."""

    def params(self, index: int, history: Sequence[Trial], begun: Params | None = None) -> Params:
        """Choose the values of run ``index``, given all earlier runs and any values it started with."""
        if self.fixed is not None:
            return self.fixed[index]
        search = self.config.search
        assert isinstance(search, TpeSearch)
        if begun is not None and fits(search, begun):
            return begun
        return propose(search, index, seed=self.config.seed, direction=self.config.objective.direction, history=history)

    def recipe(self, params: Params, run_id: str, runs_dir: Path) -> Recipe:
        """Build the recipe of one run."""
        sweep_values = Values("this sweep", {"name": run_id, "runs_dir": str(runs_dir)})
        return load_config(Recipe, self.base, values=[*self._said(params), sweep_values])

    def first(self) -> Recipe:
        """Build the recipe of the first run, in the recipe's own folder."""
        return load_config(Recipe, self.base, values=self._said(self.params(0, ())))

    def _said(self, params: Params) -> list[Values]:
        return [Values("overrides", self.config.overrides), Values("search", params)]


def plan_sweep(config: SweepConfig, base: Path) -> Plan:
    """Check the whole sweep; raise ConfigError for the first invalid key or value."""
    search = config.search
    fixed: tuple[Params, ...] | None
    match search:
        case GridSearch():
            keys = list(search.space)
            fixed = tuple(
                dict(zip(keys, combination, strict=True)) for combination in itertools.product(*search.space.values())
            )
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
    for index, params in enumerate(plan.fixed or ()):
        name = run_id(index, params)
        planned = plan.recipe(params, name, Path("runs"))
        with named(name):
            check_batches(planned, planned.stages)
    _check_metrics(plan)
    return plan


@contextmanager
def named(name: str) -> Iterator[None]:
    """Add the name of the run or cell to a ConfigError."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{name}: {error.cause}", error.way_out) from error


def run_id(index: int, params: Params) -> str:
    """Build an id such as ``run_000_learning_rate_0p0001_r_8``: number, then last parts of keys with values, dots as
    ``p``."""
    parts = [f"run_{index:03d}"]
    for key, value in params.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
        parts.append(f"{_short(key, params)}_{str(shown).replace('.', 'p')}")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", "_".join(parts))[:LONGEST_ID].rstrip("-_")


def _short(key: str, params: Params) -> str:
    """Return the shortest unique suffix of a key."""
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        ending = parts[-length:]
        if sum(other.split(".")[-length:] == ending for other in params) == 1:
            return "-".join(ending)
    return "-".join(parts)


def _check_space(config: SweepConfig, base: Path, space: Mapping[str, Sequence[Any] | Range]) -> None:
    """Yield every value and both ends of every range once, with first values of other keys."""
    first = {key: values.low if isinstance(values, Range) else values[0] for key, values in space.items()}
    for key, values in space.items():
        for value in (values.low, values.high) if isinstance(values, Range) else values:
            overrides = [Values("overrides", config.overrides), Values("search.space", first | {key: value})]
            planned = load_config(Recipe, base, values=overrides)
            check_batches(planned, planned.stages)


def _check_metrics(plan: Plan) -> None:
    """Check that the stages of objective and pruning exist and have their metrics."""
    config = plan.config
    stages = {stage.name: stage for stage in plan.first().stages}
    named_stages = {"objective.stage": config.objective.stage}
    if config.pruning is not None:
        named_stages["pruning.stage"] = config.pruning.stage
    for key, name in named_stages.items():
        if name not in stages:
            raise ConfigError(f"{key} is {name!r}, but the recipe has no such stage.", nearest(name, stages))
    metric = config.objective.metric
    if isinstance(stages[config.objective.stage], EvaluateStage) and metric not in METRICS:
        raise ConfigError(
            f"objective.metric is {metric!r}, but an evaluate stage does not measure it.", nearest(metric, METRICS)
        )


def nearest(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """Suggest a name for an unknown one."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Choose from: {', '.join(known)}."
