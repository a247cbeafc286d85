"""Which judged completions are learned from, and how much each of them counts.

Not covered: the formulas (`score.selection`, one file each).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.config.base import Config


class Thresholds(Config):
    """Limits on the quality of what passed, known from rejection-sampling fine-tuning; stricter while few compile."""

    max_lints: float = Field(2.0, ge=0)
    """Most lints."""
    min_idiom: float = Field(0.7, ge=0, le=1)
    """Least idiom score."""
    documented: bool = True
    """Whether it must have a doc comment."""
    compile_rate: float = Field(0.95, gt=0, le=1)
    """Below this share of compiling completions the limits become stricter, in proportion."""


class Quota(Config):
    """Most rows of a round that may be of one kind of task."""

    by: Literal["level", "family"]
    """What a kind is: ``Task.level``, or ``Task.family``."""
    most: int = Field(ge=1)
    """Rows."""


class SelectionConfig(Config):
    """What of the judged completions is kept. Infrastructure faults, cut completions and held-out tasks never are."""

    min_tests: float = Field(1.0, gt=0, le=1)
    """Least share of the hidden tests passed. 1 keeps what passes; below 1 some tests may fail in what compiles."""
    thresholds: Thresholds | None = None
    """Further limits on quality; None sets none."""
    per_task: int | None = Field(4, ge=1)
    """Most completions of one task, the best rewarded first: 1 is best-of-n. None keeps all."""
    most: int | None = Field(None, ge=1)
    """Most rows of a round; those of the hardest tasks that were solved are kept first. None keeps all."""
    quotas: tuple[Quota, ...] = ()
    """Limits per level or family; the rows of the hardest tasks are kept first."""
    solved_share: float = Field(1.0, ge=0, le=1)
    """Share of the tasks that every sample solved whose rows are kept: what is solved always teaches little."""
    weights: Literal["equal", "reward", "quality"] = "equal"
    """Weight of a row in the loss: 1 each, its reward, or lints, idiom and documentation as 0.4, 0.4 and 0.2."""
