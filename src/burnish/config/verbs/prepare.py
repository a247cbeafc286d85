"""Configure ``burnish data prepare``."""

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
    """A new folder for the kept rows, the rejected rows and the counts."""
    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    """Sources to read: a path, or a mapping with ``path`` or ``dataset``."""
    filters: tuple[FilterConfig, ...] = ()
    """Filters of the rows: the kind of a filter, or a mapping with ``kind``; the first that applies is the recorded
    reason."""
    mixture: MixtureConfig = MixtureConfig()
    """How several sources become one sequence."""
    seed: int = Field(0, ge=0)
    """Seed of every random choice."""
    bad_rows: int = Field(0, ge=0)
    """Unusable rows that may be left out before the command stops."""
    streaming: bool = False
    """Write the result without the cache; sources are then read once instead of twice."""
    cache: Path = Path("data-cache")
    """Cache folder: the same sources, filters, mixture and seed are prepared only once."""
    workers: int = Field(1, ge=1)
    """Processes that read rows and apply filters; the result is the same with any number."""
    verify: VerifyConfig = VerifyConfig()
    """Verifier for the filters that compile."""

    _names = field_validator("sources")(check_names)
