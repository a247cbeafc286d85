"""What ``burnish sweep`` tries: a recipe, the keys to vary, how to choose among them, and what the best one is.

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
    """Numbers between two ends, both included; whole ones when both ends are whole."""

    low: int | float
    high: int | float
    log: bool = False
    """Draw the logarithm evenly: for learning rates."""

    @model_validator(mode="after")
    def _has_room(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range begins above 0")
        return self


Choices = Annotated[tuple[Any, ...], Field(min_length=1)]


class GridSearch(Config):
    """Every combination, the last key changing fastest."""

    kind: Literal["grid"] = "grid"
    space: dict[str, Choices] = Field(min_length=1)
    """Key of the recipe, as in ``--set`` -> its values."""


class RandomSearch(Config):
    """Independent draws."""

    kind: Literal["random"] = "random"
    runs: int = Field(ge=1)
    """How many runs."""
    space: dict[str, Choices | Range] = Field(min_length=1)
    """Key of the recipe, as in ``--set`` -> its values, or a range."""


class TpeSearch(Config):
    """Tree-structured Parzen estimator (Bergstra et al. 2011): each run is chosen by the results of those before."""

    kind: Literal["tpe"] = "tpe"
    runs: int = Field(ge=1)
    """How many runs."""
    startup_runs: int = Field(10, ge=1)
    """The first so many are independent draws."""
    space: dict[str, Choices | Range] = Field(min_length=1)
    """As for ``random``."""


class ListSearch(Config):
    """The combinations that are written down."""

    kind: Literal["list"] = "list"
    runs: tuple[dict[str, Any], ...] = Field(min_length=1)
    """One mapping of keys to values per run; an empty one is the recipe as it is."""


SearchConfig = Annotated[GridSearch | RandomSearch | TpeSearch | ListSearch, Field(discriminator="kind")]


class Pruning(Config):
    """What every way of pruning compares: a metric that a stage logs step by step, at the same step of other runs."""

    stage: str
    """Name of the stage whose rows of ``metrics.jsonl`` are watched."""
    metric: str = "loss"
    """Name of the value in these rows."""
    direction: Direction = "minimize"
    """Which values are good."""


class MedianPruning(Pruning):
    """Stop a run whose best value so far is worse than the median of the finished runs at the same step."""

    kind: Literal["median"] = "median"
    startup_runs: int = Field(4, ge=1)
    """No run is stopped before so many have finished."""
    warmup_steps: int = Field(0, ge=0)
    """No run is stopped before this step."""


class HalvingPruning(Pruning):
    """Successive halving (Li et al. 2018, asynchronous): of the runs that reach a rung the best share goes on."""

    kind: Literal["halving"] = "halving"
    first_step: int = Field(1, ge=1)
    """The first rung; each further one is ``factor`` times as many steps."""
    factor: int = Field(4, ge=2)
    """One in so many goes on."""


PruningConfig = Annotated[MedianPruning | HalvingPruning, Field(discriminator="kind")]


class Objective(Config):
    """What makes a run the best."""

    stage: str
    """Name of an evaluate stage, or of a stage that logs the metric."""
    metric: str = "tests_passed"
    """Of an evaluate stage one of its metrics, with its interval; of another stage the last value that it logged."""
    direction: Direction = "maximize"


class SweepConfig(Config):
    """``burnish sweep --config FILE --set key=value``."""

    out: Path
    """A new folder for the runs, their recipes and logs, and ``sweep_summary.json``."""
    recipe: str
    """Recipe file, or the name of a shipped one."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys that all runs set, as in ``--set`` -> value."""
    search: SearchConfig
    """Which runs there are."""
    objective: Objective
    """What makes a run the best."""
    pruning: PruningConfig | None = None
    """How hopeless runs are stopped early; None stops none."""
    seed: int = Field(42, ge=0)
    """Decides what ``random`` and ``tpe`` draw; the recipe's own seed is another."""
    timeout_s: float | None = Field(None, gt=0)
    """A run is ended after so many seconds and counts as failed; None waits."""
    retries: int = Field(1, ge=0)
    """How often a run that crashed or was killed is started again; it goes on from its last checkpoint. Mistakes in
    settings are not tried again."""
    price_per_hour: float | None = Field(None, ge=0)
    """What an hour of this machine costs, in any currency; None leaves the cost unknown."""
