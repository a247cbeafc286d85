"""The records of evaluation: one row per judged answer, and what two models made of the same rows.

Estimates and summaries are `records.summary`. Records hold data only: `score` makes them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burnish.records import Message, Part, Record, TaskKind
from burnish.records.summary import Comparison

Problem = Literal["", "missing", "empty", "only_thinking", "cut_off", "no_answer", "ambiguous"]
"""Why no answer could be read: none was given, it is empty, it never left its thinking block, it was cut off before an
answer was marked, it holds none, or it holds several."""


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


class Noise(Part):
    """How much two evaluations of one model differ: what a difference must exceed to mean anything."""

    kind: TaskKind
    n: int
    changed: int
    """Rows right in one and wrong in the other."""
    differences: dict[str, float]
    """Metric -> rerun minus first."""


class ComparisonReport(Comparison, Record):
    """The format of ``comparison.json``."""

    noise: tuple[Noise, ...] = ()
    """Of a rerun of ``a``, where one was given."""


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
