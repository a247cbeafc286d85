"""Define the format of ``summary.json``: results of measured models, their comparisons, and the cost.

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
    """Speed of answering, over rows that a model answered in this evaluation."""

    seconds_p50: float
    seconds_p95: float
    completion_tokens: int
    tokens_per_s: float
    """Completion tokens over the sum of latencies."""


class CodeFindings(Part):
    """Findings of the compiler and the syntax tree in Rust answers. Counts are of answers, not of messages."""

    error_codes: dict[str, int] = Field(default_factory=dict)
    """Compiler error code -> answers that did not compile and have it; ``syntax`` for errors without a code."""
    error_classes: dict[str, int] = Field(default_factory=dict)
    """Class of compiler errors (`score.metrics.error_classes`) -> answers that did not compile and have it."""
    lints: dict[str, int] = Field(default_factory=dict)
    """Lint -> answers that have it."""
    metrics: dict[str, MetricMean] = Field(default_factory=dict)
    """Syntax metric -> its mean."""


class KindSummary(Part):
    """Results of one model on the tasks of one kind. Unread answers are wrong, and stay in every denominator."""

    kind: TaskKind
    n: int
    """Answers that were judged."""
    tasks: int
    families: int
    """Independent groups of rows; intervals go by them."""
    correct: int
    unparsed: int
    untested: int = 0
    """Rust tasks without tests; their answers count in the compile rate, but not in the pass rate."""
    infra: int = 0
    """Answers without a verdict; they raise the upper end of the intervals."""
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
    parts: dict[str, dict[str, Estimate]] = Field(default_factory=dict)
    """First part of the families' names -> rates of its rows; empty unless Rust tasks have several such parts."""
    code: CodeFindings | None = None
    """Findings in Rust answers."""


class Generation(Part):
    """Cost of generating the answers, after warm-up, over all attempts of an interrupted evaluation."""

    completions: int
    completion_tokens: int
    wall_s: float
    """Seconds of generation, without loading the model and warming up."""
    tokens_per_s: float
    """Tokens of all answers over ``wall_s``: with a batch, more than one answer's own pace."""
    seconds_p50: float
    """Latency of an answer since its begin, among others in its batch."""
    seconds_p95: float
    dtype: str | None = None
    """Compute dtype of the model; None for a server."""
    quantization: str | None = None
    """Quantisation of its weights, ``none`` without; None for a server."""
    peak_bytes: int | None = None
    """Peak resident memory of the process; None where the system does not say."""
    device_peak_bytes: int | None = None
    """Peak memory of tensors on the accelerator; None without one."""


class Precision(Part):
    """What a model computed in, noted when it was loaded."""

    dtype: str | None = None
    quantization: str | None = None
    """How its weights were quantised, ``none`` where they were not."""


class RepairTurn(Part):
    """Results once a model had so many chances to repair its failed answers. All rates go over all answers."""

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
    """Time of answering and judging together."""
    kinds: tuple[KindSummary, ...]
    """One per kind of task (and set of labels); none where nothing was answered."""
    generation: Generation | None = None
    """Cost of generation; None for answers from a file."""
    repair: tuple[RepairTurn, ...] = ()
    """Results of each repair turn; empty without repair."""

    def of_kind(self, kind: TaskKind) -> KindSummary | None:
        """Return the first summary of that kind; None without tasks of it."""
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
    """Of a rate: pairs that only b has right."""
    losses: int | None = None
    """Of a rate: pairs that only a has right."""


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
        """Return whether b is worse in any kind."""
        return any(kind.worse for kind in self.kinds)


class StageTime(Part):
    """Duration of one stage of the run."""

    name: str
    kind: str
    seconds: float
    reused: bool = False
    """Whether the stage was finished before and its result was reused; ``seconds`` is its time then."""
    peak_bytes: int | None = None
    """Peak resident memory of the last attempt."""
    accelerator_peak_bytes: int | None = None
    """Peak of allocated accelerator memory, the largest over all accelerators; None without one."""
    predicted_peak_bytes: int | None = None
    """Peak predicted when training began: of the accelerator, or of the process without one."""


class Summary(Record):
    """The format of ``summary.json``."""

    # Version 1 had separate lists for Rust and for other kinds; its intervals treated rows of one family as
    # independent.
    schema_version: Literal[2] = 2  # type: ignore[assignment]
    models: tuple[ModelSummary, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    timings: tuple[StageTime, ...] = ()
    excluded_tasks: int = 0
    """Tasks left out by an exclusion file before any attempt."""
