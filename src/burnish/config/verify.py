"""How candidates are judged: sandbox, limits, workers, cache, infra budget."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from burnish.config.base import Config


class VerifyConfig(Config):
    """The verifier of a run."""

    sandbox: Literal["auto", "bubblewrap"] = "auto"
    """``auto`` takes the first backend that passes its self-test; none passing stops the run."""
    workers: int | None = Field(None, ge=1)
    """Candidates judged at once; None is one per core."""
    cache: Path | None = None
    """SQLite file of verdicts; None puts it beside the runs."""
    infra_budget: float = Field(0.02, ge=0, le=1)
    """Share of candidates that may end in an infrastructure fault before the run stops."""
