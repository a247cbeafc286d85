"""What ``burnish grid`` compares: a recipe that trains, and named variants of it along up to four axes.

Not covered: which combinations cannot be (`config.compatibility` knows).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from burnish.config.base import Config
from burnish.config.generate import SamplingConfig


class Variant(Config):
    """One place on an axis."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")
    """Stands in the table and in the names of folders."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys of the recipe, as in ``--set`` -> value."""


class AdapterVariant(Variant):
    """One way to train, or none."""

    trains: bool = True
    """False measures the base model as it is."""


class GridConfig(Config):
    """``burnish grid --config FILE --set key=value``. An axis without variants is left out."""

    out: Path
    """A new folder for the cells, their recipes and logs, ``grid_summary.json`` and ``grid.csv``."""
    recipe: str
    """Recipe file, or the name of a shipped one; its evaluate, merge and report stages are left out."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys that all cells set, as in ``--set`` -> value."""
    models: tuple[Variant, ...] = ()
    """Base models, such as ``{name: small, overrides: {model.base: FOLDER}}``."""
    datasets: tuple[Variant, ...] = ()
    """Rows to train on and tasks to measure on: ``data.sources`` and ``data.tasks``."""
    adapters: tuple[AdapterVariant, ...] = ()
    """What is trained: ``stages.NAME.adapter``."""
    quantizations: tuple[Variant, ...] = ()
    """How the base is kept in memory: ``model.quantization``."""
    sampling: SamplingConfig = SamplingConfig()
    """How the cells answer."""
    tolerance: float = Field(1e-4, ge=0)
    """How far a numeric answer may be from the right number and still be right."""
    limit_train: int | None = Field(None, ge=1)
    """Train on the first so many rows of each source, or so many built-in tasks: for a rehearsal."""
    limit_eval: int | None = Field(None, ge=1)
    """Measure on the first so many tasks."""
    timeout_s: float | None = Field(None, gt=0)
    """A cell is ended after so many seconds and counts as failed; None waits."""
    retries: int = Field(1, ge=0)
    """How often a cell that crashed or was killed is started again; it goes on where it was."""

    @field_validator("models", "datasets", "adapters", "quantizations")
    @classmethod
    def _names_differ(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        names = [variant.name.lower() for variant in variants]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two variants are named {name!r}; names must differ, not only in case")
        return variants
