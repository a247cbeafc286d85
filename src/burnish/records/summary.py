"""The format of ``summary.json``: what measured models reached, how they compare, and what that took.

One format for a run and for an evaluation of its own. Every estimate carries its interval and the number of rows that
it is over. Records hold data only: `score.summaries` makes them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.records.base import Part, Record
from burnish.records.task import TaskKind

Interval = tuple[float, float]
Metric = Literal["compile_rate", "lint_free_rate", "tests_passed"]
"""Rates of Rust answers that every table shows."""


class Estimate(Part):
    """A metric with its 95 % interval over ``n`` rows (or tasks, for pass@k)."""

    value: float
    ci95: Interval
    n: int


class MetricMean(Part):
    """Mean of one syntax metric over the ``n`` answers that have it; the others are unscored, which is not zero."""

    mean: float
    n: int


class ClassMeasures(Part):
    """Precision, recall and F1 of one class; 0 where nothing was predicted or nothing is there."""

    precision: float
    recall: float
    f1: float
    support: int
    """Rows whose right answer it is."""


class Timing(Part):
    """What answering took, over rows that a model answered in this evaluation."""

    seconds_p50: float
    seconds_p95: float
    completion_tokens: int
    tokens_per_s: float
    """Completion tokens over the sum of latencies."""


class CodeFindings(Part):
    """What the compiler and the syntax tree say about Rust answers. Counts are of answers, not of messages."""

    error_codes: dict[str, int] = Field(default_factory=dict)
    """Compiler error code -> answers that did not compile and showed it; ``syntax`` for errors without a code."""
    error_classes: dict[str, int] = Field(default_factory=dict)
    """Class of compiler errors (`score.metrics.error_classes`) -> answers that did not compile and showed it."""
    lints: dict[str, int] = Field(default_factory=dict)
    """Lint -> answers that showed it."""
    metrics: dict[str, MetricMean] = Field(default_factory=dict)
    """Syntax metric -> its mean."""


class KindSummary(Part):
    """What one model reached on the tasks of one kind. Unread answers are wrong, and stay in every denominator."""

    kind: TaskKind
    n: int
    """Answers that were judged."""
    tasks: int
    families: int
    """Independent groups of rows; intervals go by them."""
    correct: int
    unparsed: int
    untested: int = 0
    """Rust tasks without tests; their answers count in the rates of compiling, and in none of passing."""
    infra: int = 0
    """Answers without a verdict; they widen the upper end of the intervals."""
    problems: dict[str, int]
    """Why answers could not be read -> rows. For Rust the reasons of all verdicts; they add up to ``n``."""
    metrics: dict[str, Estimate]
    """The first is the headline."""
    classes: tuple[str, ...] = ()
    confusion: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Right class -> answered class, or ``unparsed`` -> rows."""
    per_class: dict[str, ClassMeasures] = Field(default_factory=dict)
    baselines: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Trivial model -> its metrics on the same tasks."""
    timing: Timing | None = None
    code: CodeFindings | None = None
    """Of Rust answers alone."""


class Generation(Part):
    """What writing the answers took, after warm-up; of all attempts where an evaluation was interrupted."""

    completions: int
    completion_tokens: int
    wall_s: float
    """Seconds in which answers were written, loading the model and warming up left out."""
    tokens_per_s: float
    """Tokens of all answers over ``wall_s``: with a batch, more than one answer's own pace."""
    seconds_p50: float
    """Latency of an answer, from when it was begun, beside others in its batch."""
    seconds_p95: float
    dtype: str | None = None
    """What the model computed in; None of a server."""
    quantization: str | None = None
    """How its weights were quantised, ``none`` where they were not; None of a server."""
    peak_bytes: int | None = None
    """Peak resident memory of the process; None where the system does not say."""
    device_peak_bytes: int | None = None
    """Peak memory of tensors on the accelerator; None without one."""


class RepairTurn(Part):
    """What was reached once a model had so many chances to fix what failed. All rates go over all answers."""

    turn: int
    """0 is the first answer."""
    asked: int
    """Answers written in this turn: all, then those that still failed."""
    passed: Estimate
    """Answers that passed in this turn or before."""
    compiled: Estimate
    """Answers that compiled in this turn or before."""


class ModelSummary(Part):
    """One measured model."""

    name: str
    seconds: float = 0.0
    """What answering and judging took together."""
    kinds: tuple[KindSummary, ...]
    """One per kind of task (and set of labels); none where nothing was answered."""
    generation: Generation | None = None
    """Where a model wrote the answers."""
    repair: tuple[RepairTurn, ...] = ()
    """Where the model could repair: a line per turn."""

    def of_kind(self, kind: TaskKind) -> KindSummary | None:
        """The first summary of that kind; None when no task was of it."""
        return next((summary for summary in self.kinds if summary.kind == kind), None)


class PairedEstimate(Part):
    """A metric of two models on the same rows; ``difference`` is b minus a."""

    a: float
    b: float
    difference: float
    ci95: Interval
    p_value: float
    test: Literal["mcnemar", "randomisation"]
    """Exact test of independent rows, or exchange of the two models family by family."""
    n: int
    """Pairs that both models attempted and whose outcome is known."""
    wins: int | None = None
    """Of a rate: pairs that only b reached."""
    losses: int | None = None
    """Of a rate: pairs that only a reached."""


class KindComparison(Part):
    """Two models on the tasks of one kind."""

    kind: TaskKind
    classes: tuple[str, ...] = ()
    n: int
    families: int
    wins: int
    """Rows that only b got right."""
    losses: int
    both: int
    neither: int
    left_out: int
    """Pairs without an outcome because infra ended one of them."""
    metrics: dict[str, PairedEstimate]
    """The first is the headline."""
    worse: bool
    """The interval of the headline's difference lies below zero."""
    baselines: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Trivial model -> its metrics on the same tasks; none of Rust."""


class Comparison(Part):
    """Two measured models on the rows that both answered. Positive differences: ``b`` is better."""

    a: str
    b: str
    only_in_a: int
    """Rows of a without a partner in b."""
    only_in_b: int
    kinds: tuple[KindComparison, ...]

    @property
    def worse(self) -> bool:
        """Whether b is worse in any kind."""
        return any(kind.worse for kind in self.kinds)


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

    # Version 1 had a list of stages for Rust beside one of answers for the rest; its intervals took rows of one family
    # for independent.
    schema_version: Literal[2] = 2  # type: ignore[assignment]
    models: tuple[ModelSummary, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    timings: tuple[StageTime, ...] = ()
    excluded_tasks: int = 0
    """Tasks left out before anything was attempted, by an exclusion file."""
