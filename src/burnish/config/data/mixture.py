"""Configure how several sources become one sequence of training rows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from burnish.config.base import Config

PositiveWeight = Annotated[float, Field(gt=0)]


class MixtureConfig(Config):
    """Set the order of sources, repeats by task type and shuffling; all seeded and resumable."""

    mode: Literal["sequential", "round_robin", "weighted"] = "sequential"
    """``sequential`` reads one source after the other, each to its end. ``round_robin`` takes one row of each in turn.
    ``weighted`` draws the source of every row by ``weights``."""
    weights: dict[str, PositiveWeight] = Field(default_factory=dict)
    """Source -> how often it is drawn, relative to the others, with mode ``weighted``. Every source needs a weight: an
    unknown name or a missing weight is an error."""
    when_exhausted: Literal["stop", "drop_out", "repeat"] = "drop_out"
    """What happens when a source ends in ``round_robin`` and ``weighted``. ``stop``: the mixture ends when the next row
    would come from an exhausted source. ``drop_out``: the others continue, in their proportions, until all have ended.
    ``repeat``: the source starts over, until every source has ended at least once. ``sequential`` allows only
    ``drop_out``."""
    task_weights: dict[str, PositiveWeight] = Field(default_factory=dict)
    """Task type -> how often each of its rows is used: 2.25 is twice, and a third time for a quarter of the rows,
    chosen by row id and seed. Types that are not named are used once. A type without rows is an error."""
    shuffle: Literal["none", "window", "full"] = "none"
    """``window`` shuffles within every ``window`` rows and holds that many in memory. ``full`` shuffles all rows: it
    reads them all first and keeps them in a temporary file."""
    window: int = Field(10_000, ge=2)
    """Rows per window with ``shuffle: window``."""

    @model_validator(mode="after")
    def _fits_the_mode(self) -> MixtureConfig:
        if self.weights and self.mode != "weighted":
            raise ValueError(f"weights need mode 'weighted', not {self.mode!r}")
        if self.mode == "sequential" and self.when_exhausted != "drop_out":
            raise ValueError(
                f"mode 'sequential' reads every source to its end, so when_exhausted cannot be {self.when_exhausted!r}"
            )
        return self
