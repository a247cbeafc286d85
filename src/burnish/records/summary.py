"""Results of a run: rates of each measured stage, paired comparisons, times."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.records.answer import Reason
from burnish.records.base import Part, Record

Metric = Literal["compile_rate", "lint_free_rate", "tests_passed"]


class MetricMean(Part):
    """Mean of one syntax metric over the ``n`` answers that have it; the others are unscored, which is not zero."""

    mean: float
    n: int


class StageSummary(Part):
    """What one measured model reached. Rates are in 0..1 and go over all ``n`` attempted completions."""

    name: str
    compile_rate: float
    lint_free_rate: float
    tests_passed: float
    """pass@1: the share of completions whose hidden tests all passed."""
    n: int
    ci95: dict[Metric, tuple[float, float]]
    seconds: float
    tasks: int
    """Distinct tasks among the ``n`` completions."""
    infra: int
    """Completions that no verdict could be found for; their share widens the upper end of the intervals."""
    reasons: dict[Reason, int]
    """How every completion ended; the values add up to ``n``."""
    error_codes: dict[str, int]
    """Compiler error code -> completions that showed it; ``syntax`` stands for errors without a code."""
    lints: dict[str, int]
    """Lint name -> completions that showed it."""
    error_classes: dict[str, int] = Field(default_factory=dict)
    """Class of compiler errors (`score.metrics.error_classes`) -> completions that showed it."""
    metrics: dict[str, MetricMean] = Field(default_factory=dict)
    """Syntax metric -> its mean."""


class Comparison(Part):
    """Two measured models on the same tasks, as a paired test. Positive ``difference``: ``b`` is better."""

    a: str
    b: str
    metric: Metric
    difference: float
    """Rate of ``b`` minus rate of ``a`` over the ``n`` pairs."""
    ci95: tuple[float, float]
    p_value: float
    n: int
    only_a: int
    only_b: int
    both: int
    neither: int
    left_out: int
    """Common tasks without a pair because one side ended in infra."""


class StageTime(Part):
    """How long one stage of the run took."""

    name: str
    kind: str
    seconds: float
    reused: bool = False
    """The stage was finished before and its result was kept; ``seconds`` is what it took then."""
    peak_bytes: int | None = None
    """Peak resident memory of the last attempt."""
    accelerator_peak_bytes: int | None = None
    """Peak of allocated accelerator memory, the largest over all accelerators; None where none was used."""
    predicted_peak_bytes: int | None = None
    """What was predicted when training began: of the accelerator, where there is none of the process."""


class Summary(Record):
    """The format of ``summary.json``."""

    stages: tuple[StageSummary, ...]
    comparisons: tuple[Comparison, ...] = ()
    timings: tuple[StageTime, ...] = ()
    excluded_tasks: int = 0
    """Tasks left out before anything was attempted, by an exclusion file."""
