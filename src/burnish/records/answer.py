"""Answers to tasks: a model's completion, its verdict, and its score."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from burnish.records.base import Part, Record
from burnish.records.task import Edition

Status = Literal["pass", "fail", "infra"]


VerifyStage = Literal["extract", "parse", "check", "lint", "build", "test"]


Reason = Literal[
    "ok",
    "no_code",
    "too_long",
    "compile_error",
    "timeout",
    "memory",
    "output_limit",
    "runtime_error",
    "tests_failed",
    "blocked",
    "infra",
]
"""Reason of a verdict; ``infra`` occurs only with status ``infra``, its cause is in ``detail``."""


class Completion(Record):
    """Text that a model wrote for one task."""

    task_id: str
    sample_index: int = 0
    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: Literal["stop", "length", "given"] = "stop"
    """Why the model stopped; ``given`` marks an answer read from a file instead of sampled."""
    sampling: dict[str, Any] = Field(default_factory=dict)
    model_digest: str = ""
    seconds: float = 0.0


class Diagnostic(Part):
    """One compiler message with its first span; rustc's summary messages are left out."""

    level: Literal["error", "warning"]
    code: str | None
    """``E0308``, a lint name such as ``clippy::needless_return``, or None for syntax errors."""
    message: str
    line: int | None = None
    column: int | None = None
    rendered: str = ""


class TestCounts(Part):
    """Numbers of tests that ran, passed and were expected; ``expected`` is known before the run."""

    __test__: ClassVar[bool] = False  # not a pytest class

    run: int = 0
    passed: int = 0
    expected: int = 0


Grading = Literal["separate", "in_process"]
"""Where tests in Rust run: in a process without the answer, or in the answer's own."""


class Verdict(Record):
    """Result of the verifier. ``infra`` never counts as fail; its cause is in ``detail``."""

    task_id: str
    sample_index: int = 0
    status: Status
    stage: VerifyStage
    """The last stage reached."""
    reason: Reason
    compiled: bool | None
    """Whether the candidate compiles; None when unknown because of infra."""
    code: str = ""
    """The judged source, after extraction."""
    diagnostics: tuple[Diagnostic, ...] = ()
    lints: tuple[str, ...] = ()
    """Names of the lints that fired, with repeats."""
    tests: TestCounts = TestCounts()
    metrics: dict[str, float] = Field(default_factory=dict)
    detail: str = ""
    cpu_ms: float = 0.0
    cached: bool = False
    isolation: tuple[str, ...] = ()
    """Sandbox layers that were active."""
    toolchain: str = ""
    """Version and digest of compiler, lint set and policy."""
    edition: Edition | None = None
    """The Rust edition of the judgement; None in older verdicts."""
    grading: Grading | None = None
    """For tests in Rust: whether they ran in a process without the answer; None where none were reached."""

    @property
    def lint_free(self) -> bool:
        """Return whether it compiled without a single lint."""
        return bool(self.compiled) and not self.lints


class Score(Record):
    """A value with named components, or unscored with a reason; unscored is not zero."""

    task_id: str
    sample_index: int = 0
    value: float | None
    unscored_reason: str = ""
    components: dict[str, float] = Field(default_factory=dict)


class Rollout(Record):
    """Completion of a policy during training, with its verdict then: one line of ``rollouts.jsonl``."""

    step: int = Field(0, ge=0)
    """Optimizer step whose policy wrote it; the completions of one task and step are a group."""
    completion: Completion
    verdict: Verdict | None = None
    """None when it was never judged."""
    score: Score | None = None
    """Its reward; None when not stored."""
