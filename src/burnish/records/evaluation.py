"""Define the records of evaluation: one row per judged answer, and the comparison of two models on the same rows.

Estimates and summaries are `records.summary`. Records hold data only: `score` makes them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.records import Message, Part, Record, TaskKind
from burnish.records.summary import Comparison, Precision

Problem = Literal["", "missing", "empty", "only_thinking", "cut_off", "no_answer", "ambiguous"]
"""Why no answer could be read: it is missing, empty, unfinished thinking, truncated before an answer was
marked, without an answer, or with several."""


class EvaluatedRow(Record):
    """One answer and its judgement: enough to judge it again, or to pair it with another model's, without a model."""

    task_id: str
    sample_index: int = 0
    kind: TaskKind
    family: str
    prompt: tuple[Message, ...]
    """The messages given to the chat template."""
    text: str
    """The model's text."""
    extracted: str | None
    """The answer in it: a label, a letter, a number, a span, a program; None when none could be read."""
    problem: Problem = ""
    """Why ``extracted`` is None; empty for Rust, whose ``reason`` tells."""
    expected: tuple[str, ...] = ()
    """Right answers; empty for Rust, and for questions whose passage does not answer them."""
    classes: tuple[str, ...] = ()
    """Possible answers: labels or letters."""
    correct: bool | None
    """None when unknown because of infra (only Rust)."""
    scores: dict[str, float] = Field(default_factory=dict)
    """Further scores of this row, by name."""
    reason: str = ""
    """Reason of the verdict, for Rust."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = "stop"
    seconds: float = 0.0
    """Latency measured by the generator; 0 for answers read from a file."""
    model_digest: str = ""


class Noise(Part):
    """Difference of two evaluations of one model: smaller differences of two models mean nothing."""

    kind: TaskKind
    n: int
    changed: int
    """Rows right in one and wrong in the other."""
    differences: dict[str, float]
    """Metric -> rerun minus first."""


class ComparisonReport(Comparison, Record):
    """The format of ``comparison.json``."""

    noise: tuple[Noise, ...] = ()
    """Noise from a rerun of ``a``, if there is one."""
    a_computed_in: Precision = Precision()
    b_computed_in: Precision = Precision()


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
