"""The records of evaluation: one row per judged answer, estimates with intervals, paired comparisons.

They stand beside `records`, whose `Summary` they extend where tasks are not, or not only, Rust with one sample each.
Records hold data only: `score` makes them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.records import Message, Part, Record, Summary, TaskKind

Problem = Literal["", "missing", "empty", "only_thinking", "cut_off", "no_answer", "ambiguous"]
"""Why no answer could be read: none was given, it is empty, it never left its thinking block, it was cut off before an
answer was marked, it holds none, or it holds several."""
Interval = tuple[float, float]


class EvaluatedRow(Record):
    """One answer and its judgement: enough to judge it again, or to pair it with another model's, without a model."""

    task_id: str
    sample_index: int = 0
    kind: TaskKind
    family: str
    prompt: tuple[Message, ...]
    """The messages that the chat template was given."""
    text: str
    """What the model wrote."""
    extracted: str | None
    """The answer in it: a label, a letter, a number, a span, a program; None when none could be read."""
    problem: Problem = ""
    """Why ``extracted`` is None; empty for Rust, whose ``reason`` tells."""
    expected: tuple[str, ...] = ()
    """Right answers; empty for Rust, and for questions whose passage does not answer them."""
    classes: tuple[str, ...] = ()
    """What could be answered: labels or letters."""
    correct: bool | None
    """None when infra kept us from knowing (Rust alone)."""
    scores: dict[str, float] = Field(default_factory=dict)
    """Further scores of this row, by name."""
    reason: str = ""
    """Reason of the verdict, for Rust."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = "stop"
    seconds: float = 0.0
    """Latency as the generator measured it; 0 for answers that were given."""
    model_digest: str = ""


class Estimate(Part):
    """A metric with its 95 % interval over ``n`` rows (or tasks, for pass@k)."""

    value: float
    ci95: Interval
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


class AnswerSummary(Part):
    """What one model reached on the tasks of one kind. All metrics go over all ``n`` rows; unread answers are wrong."""

    name: str
    kind: TaskKind
    n: int
    tasks: int
    families: int
    """Independent groups of rows; intervals go by them."""
    correct: int
    unparsed: int
    infra: int = 0
    problems: dict[str, int]
    """Why answers could not be read -> rows. For Rust the reasons of all verdicts."""
    metrics: dict[str, Estimate]
    """The first is the headline."""
    classes: tuple[str, ...] = ()
    confusion: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Right class -> answered class, or ``unparsed`` -> rows."""
    per_class: dict[str, ClassMeasures] = Field(default_factory=dict)
    baselines: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Trivial model -> its metrics on the same tasks."""
    timing: Timing | None = None


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
    peak_bytes: int | None = None
    """Peak resident memory of the process; None where the system does not say."""
    device_peak_bytes: int | None = None
    """Peak memory of tensors on the accelerator; None without one."""


class RepairTurn(Part):
    """What was reached once a model had so many chances to mend what failed. All rates go over all answers."""

    turn: int
    """0 is the first answer."""
    asked: int
    """Answers written in this turn: all, then those that still failed."""
    passed: Estimate
    """Answers that passed in this turn or before."""
    compiled: Estimate
    """Answers that compiled in this turn or before."""


class EvaluationSummary(Summary):
    """The format of ``summary.json`` of an evaluation: what it needs beyond verdicts of Rust with a sample per task."""

    answers: tuple[AnswerSummary, ...] = ()
    """Where answers other than Rust, or several samples of a task, were judged."""
    generation: Generation | None = None
    """Where a model wrote the answers."""
    repair: tuple[RepairTurn, ...] = ()
    """Where a model could repair: a line per turn."""


class PairedEstimate(Part):
    """A metric of two models on the same rows; ``difference`` is b minus a."""

    a: float
    b: float
    difference: float
    ci95: Interval
    p_value: float
    test: Literal["mcnemar", "randomisation"]


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


class Noise(Part):
    """How much two evaluations of one model differ: what a difference must exceed to mean anything."""

    kind: TaskKind
    n: int
    changed: int
    """Rows right in one and wrong in the other."""
    differences: dict[str, float]
    """Metric -> rerun minus first."""


class ComparisonReport(Record):
    """The format of ``comparison.json``."""

    a: str
    b: str
    only_in_a: int
    """Rows of a without a partner in b."""
    only_in_b: int
    kinds: tuple[KindComparison, ...]
    noise: tuple[Noise, ...] = ()
    """Of a rerun of ``a``, where one was given."""

    @property
    def worse(self) -> bool:
        """Whether b is worse in any kind."""
        return any(kind.worse for kind in self.kinds)


class Disagreement(Record):
    """One pair that the two models answered differently, or both wrongly."""

    outcome: Literal["improvement", "regression", "both_wrong"]
    task_id: str
    sample_index: int
    kind: TaskKind
    prompt: tuple[Message, ...]
    expected: tuple[str, ...]
    a_extracted: str | None
    b_extracted: str | None
    a_text: str
    b_text: str
    a_problem: str
    b_problem: str
