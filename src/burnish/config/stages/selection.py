"""Configure which judged completions become training rows, and their weights.

Not covered: the formulas (`score.selection`, one file each).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.config.base import Config


class Thresholds(Config):
    """Quality limits for passing completions, as in rejection-sampling fine-tuning; stricter while few compile."""

    max_lints: float = Field(2.0, ge=0)
    """Most lints."""
    min_idiom: float = Field(0.7, ge=0, le=1)
    """Least idiom score."""
    documented: bool = True
    """Require a doc comment."""
    compile_rate: float = Field(0.95, gt=0, le=1)
    """Below this share of compiling completions the limits become stricter, proportionally."""


class Quota(Config):
    """Largest number of rows of a round per kind of task."""

    by: Literal["level", "family"]
    """Field that defines the kind: ``Task.level`` or ``Task.family``."""
    most: int = Field(ge=1)
    """Rows."""


class SelectionConfig(Config):
    """Which judged completions are kept; never faults, cut completions or held-out tasks."""

    min_tests: float = Field(1.0, gt=0, le=1)
    """Least share of the hidden tests passed. 1 keeps passing completions; below 1 some tests may fail."""
    thresholds: Thresholds | None = None
    """Further limits on quality; None sets none."""
    per_task: int | None = Field(4, ge=1)
    """Most completions per task, highest reward first: 1 is best-of-n. None keeps all."""
    most: int | None = Field(None, ge=1)
    """Most rows of a round; rows of the hardest solved tasks are kept first. None keeps all."""
    quotas: tuple[Quota, ...] = ()
    """Limits per level or family; the rows of the hardest tasks are kept first."""
    solved_share: float = Field(1.0, ge=0, le=1)
    """Share of kept tasks among those that every sample solved: they teach little."""
    weights: Literal["equal", "reward", "quality"] = "equal"
    """Weight of a row in the loss: 1 each, its reward, or lints, idiom and documentation as 0.4, 0.4 and 0.2."""
