"""Configure ``burnish sweep``: a recipe, the keys to vary, the search method and the objective.

Not covered: whether the keys are those of a recipe (`workflows.experiments.sweep_plan` checks each before anything
starts).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from burnish.config.base import Config

Direction = Literal["maximize", "minimize"]


class Range(Config):
    """A range of numbers with both ends included; whole numbers when both ends are whole."""

    low: int | float
    high: int | float
    log: bool = False
    """Sample uniformly in the logarithm, as for learning rates."""

    @model_validator(mode="after")
    def _has_room(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range must start above 0")
        return self


Choices = Annotated[tuple[Any, ...], Field(min_length=1)]


class GridSearch(Config):
    """Try every combination, the last key changing fastest."""

    kind: Literal["grid"] = "grid"
    space: dict[str, Choices] = Field(min_length=1)
    """Keys of the recipe, as in ``--set``, and their values."""


class RandomSearch(Config):
    """Draw runs independently."""

    kind: Literal["random"] = "random"
    runs: int = Field(ge=1)
    """Number of runs."""
    space: dict[str, Choices | Range] = Field(min_length=1)
    """Keys of the recipe, as in ``--set``, and their values or a range."""


class TpeSearch(Config):
    """Tree-structured Parzen estimator (Bergstra et al. 2011): each run is chosen by earlier results."""

    kind: Literal["tpe"] = "tpe"
    runs: int = Field(ge=1)
    """Number of runs."""
    startup_runs: int = Field(10, ge=1)
    """Number of first runs that are drawn independently."""
    space: dict[str, Choices | Range] = Field(min_length=1)
    """As for ``random``."""


class ListSearch(Config):
    """Try the listed combinations."""

    kind: Literal["list"] = "list"
    runs: tuple[dict[str, Any], ...] = Field(min_length=1)
    """One mapping of keys to values per run; an empty one is the unchanged recipe."""


SearchConfig = Annotated[GridSearch | RandomSearch | TpeSearch | ListSearch, Field(discriminator="kind")]


class Pruning(Config):
    """Settings of all pruning methods: a logged metric is compared at the same step of other runs."""

    stage: str
    """Stage whose rows of ``metrics.jsonl`` are compared."""
    metric: str = "loss"
    """Metric in these rows."""
    direction: Direction = "minimize"
    """Whether large or small values are good."""


class MedianPruning(Pruning):
    """Stop a run whose best value so far is worse than the median of the finished runs at the same step."""

    kind: Literal["median"] = "median"
    startup_runs: int = Field(4, ge=1)
    """Number of finished runs before any run is stopped."""
    warmup_steps: int = Field(0, ge=0)
    """First step at which a run may be stopped."""


class HalvingPruning(Pruning):
    """Successive halving (Li et al. 2018, asynchronous): at each rung only the best share continues."""

    kind: Literal["halving"] = "halving"
    first_step: int = Field(1, ge=1)
    """Step of the first rung; each next rung has ``factor`` times as many steps."""
    factor: int = Field(4, ge=2)
    """One in ``factor`` runs continues."""


PruningConfig = Annotated[MedianPruning | HalvingPruning, Field(discriminator="kind")]


class Objective(Config):
    """Objective that selects the best run."""

    stage: str
    """Name of an evaluate stage, or of a stage that logs the metric."""
    metric: str = "tests_passed"
    """For an evaluate stage one of its metrics, with interval; for another stage its last logged value."""
    direction: Direction = "maximize"


class SweepConfig(Config):
    """``burnish sweep --config FILE --set key=value``."""

    out: Path
    """A new folder for the runs, their recipes and logs, and ``sweep_summary.json``."""
    recipe: str
    """Recipe file, or the name of a shipped one."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys that all runs set, as in ``--set``, and their values."""
    search: SearchConfig
    """Search method that chooses the runs."""
    objective: Objective
    """Objective that selects the best run."""
    pruning: PruningConfig | None = None
    """Early stopping of poor runs; None stops none."""
    seed: int = Field(42, ge=0)
    """Seed of ``random`` and ``tpe``; independent of the recipe's seed."""
    timeout_s: float | None = Field(None, gt=0)
    """Seconds after which a run is stopped and counts as failed; None waits."""
    retries: int = Field(1, ge=0)
    """Restarts of a run that crashed or was killed; it continues from its last checkpoint. Errors in settings are not
    retried."""
    price_per_hour: float | None = Field(None, ge=0)
    """Cost of one hour on this machine, in any currency; None leaves the cost unknown."""
