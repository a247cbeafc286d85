"""What ``burnish data prepare`` takes."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from burnish.config.base import Config
from burnish.config.data.filters import FilterConfig
from burnish.config.data.mixture import MixtureConfig
from burnish.config.data.training_data import SourceConfig, check_names
from burnish.config.verify import VerifyConfig


class PrepareConfig(Config):
    """``burnish data prepare --config FILE --set key=value``."""

    out: Path
    """A new folder for the rows that stay, those that do not, and the counts."""
    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    """What to read: a path, or a mapping with ``path`` or ``dataset``."""
    filters: tuple[FilterConfig, ...] = ()
    """Which rows are left out: the kind of a filter, or a mapping with ``kind``; the first that applies is the
    reason."""
    mixture: MixtureConfig = MixtureConfig()
    """How several sources become one sequence."""
    seed: int = Field(0, ge=0)
    """Every random choice derives from it."""
    bad_rows: int = Field(0, ge=0)
    """How many rows that cannot be read as examples may be left out before the command stops."""
    streaming: bool = False
    """Write the result without keeping it in the cache; sources are then read once, not twice."""
    cache: Path = Path("data-cache")
    """Folder where results are kept: the same sources, filters, mixture and seed are prepared once."""
    workers: int = Field(1, ge=1)
    """Processes that read rows and apply filters; the result is the same with any number."""
    verify: VerifyConfig = VerifyConfig()
    """Verifier, for the filters that compile."""

    _names = field_validator("sources")(check_names)
