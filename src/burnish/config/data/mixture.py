"""How several sources become one sequence of training rows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from burnish.config.base import Config

PositiveWeight = Annotated[float, Field(gt=0)]


class MixtureConfig(Config):
    """Order of sources, what happens when one ends, repeats by task type, shuffling; all of it seeded and resumable."""

    mode: Literal["sequential", "round_robin", "weighted"] = "sequential"
    """``sequential`` reads one source after the other, each to its end. ``round_robin`` takes one row of each in turn.
    ``weighted`` draws the source of every row by ``weights``."""
    weights: dict[str, PositiveWeight] = Field(default_factory=dict)
    """Source -> how often it is drawn, relative to the others, with mode ``weighted``. Every source needs one: a name
    that is no source is an error, and so is a source without a weight."""
    when_exhausted: Literal["stop", "drop_out", "repeat"] = "drop_out"
    """What a source's end means in ``round_robin`` and ``weighted``. ``stop``: the mixture ends when a row is wanted of
    a source that has none left. ``drop_out``: the others go on, in their proportions, until all have ended. ``repeat``:
    the source begins anew, until every source has ended at least once. ``sequential`` knows ``drop_out`` alone."""
    task_weights: dict[str, PositiveWeight] = Field(default_factory=dict)
    """Task type -> how often each of its rows comes: 2.25 is two times, and a third time for a quarter of the rows,
    chosen by row id and seed. Types that are not named come once. A type that no row has is an error."""
    shuffle: Literal["none", "window", "full"] = "none"
    """``window`` mixes within every ``window`` rows and holds so many in memory. ``full`` mixes all rows: it reads
    them all before the first one comes and keeps them in a temporary file."""
    window: int = Field(10_000, ge=2)
    """Rows that are mixed among one another with ``shuffle: window``."""

    @model_validator(mode="after")
    def _fits_the_mode(self) -> MixtureConfig:
        if self.weights and self.mode != "weighted":
            raise ValueError(f"weights go with mode 'weighted', not {self.mode!r}")
        if self.mode == "sequential" and self.when_exhausted != "drop_out":
            raise ValueError(
                f"mode 'sequential' reads every source to its end, so when_exhausted cannot be {self.when_exhausted!r}"
            )
        return self
