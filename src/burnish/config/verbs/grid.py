"""Configure ``burnish grid``: a training recipe, and named variants along up to four axes.

Not covered: which combinations are illegal (`config.compatibility`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from burnish.config.base import Config
from burnish.config.generate import SamplingConfig


class Variant(Config):
    """One variant on an axis."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")
    """Name in the table and in folder names."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys of the recipe, as in ``--set``, and their values."""


class AdapterVariant(Variant):
    """One way to train, or no training."""

    trains: bool = True
    """False evaluates the base model without training."""


class GridConfig(Config):
    """``burnish grid --config FILE --set key=value``. Axes without variants are left out."""

    out: Path
    """A new folder for the cells, their recipes and logs, ``grid_summary.json`` and ``grid.csv``."""
    recipe: str
    """Recipe file, or the name of a shipped one; its evaluate, merge and report stages are left out."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys that all cells set, as in ``--set``, and their values."""
    models: tuple[Variant, ...] = ()
    """Base models, such as ``{name: small, overrides: {model.base: FOLDER}}``."""
    datasets: tuple[Variant, ...] = ()
    """Rows to train on and tasks to evaluate on: ``data.sources`` and ``data.tasks``."""
    adapters: tuple[AdapterVariant, ...] = ()
    """Adapters to compare: ``stages.NAME.adapter``."""
    quantizations: tuple[Variant, ...] = ()
    """Quantisations of the base: ``model.quantization``."""
    sampling: SamplingConfig = SamplingConfig()
    """How the cells answer."""
    tolerance: float = Field(1e-4, ge=0)
    """Tolerance for numeric answers."""
    limit_train: int | None = Field(None, ge=1)
    """Train on the first N rows of each source, or on N built-in tasks: for a rehearsal."""
    limit_eval: int | None = Field(None, ge=1)
    """Evaluate on the first N tasks."""
    timeout_s: float | None = Field(None, gt=0)
    """Seconds after which a cell is stopped and counts as failed; None waits."""
    retries: int = Field(1, ge=0)
    """Restarts of a cell that crashed or was killed; it continues from its last checkpoint."""

    @field_validator("models", "datasets", "adapters", "quantizations")
    @classmethod
    def _names_differ(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        names = [variant.name.lower() for variant in variants]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two variants are named {name!r}; names must differ, not only in case")
        return variants
