"""The frozen records that pass between stages, and the format of the files that hold them.

A record file is JSONL: one record per line, as ``record.to_json()`` writes it. Every record carries
``schema_version``; a reader refuses versions it does not know. Records hold data only: what acts on them
lives in the stages.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError, model_validator

from burnish.errors import DataError

Role = Literal["system", "user", "assistant"]
Edition = Literal["2015", "2018", "2021", "2024"]
CrateType = Literal["bin", "lib"]
Status = Literal["pass", "fail", "infra"]
VerifyStage = Literal["extract", "parse", "check", "lint", "build", "test"]
Reason = Literal[
    "ok",
    "no_code",
    "compile_error",
    "timeout",
    "memory",
    "output_limit",
    "runtime_error",
    "tests_failed",
    "blocked",
    "infra",
]
"""Why a verdict is what it is; ``infra`` goes with status ``infra`` alone, its cause is in ``detail``."""


Grading = Literal["separate", "in_process"]
"""Where tests in Rust run: in a process that the answer is not in, or in the answer's own."""


def first_problem(error: ValidationError, *, whole: str = "") -> str:
    """The first thing a validation found wrong: its place (``whole`` where it is in no one field), and why."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or whole
    why = first["msg"].removeprefix("Value error, ")  # pydantic's words before those of our own checks
    return f"{place}: {why}" if place else why


class Record(BaseModel):
    """Base of all records: frozen, strict about unknown fields, versioned."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    SCHEMA_VERSION: ClassVar[int] = 1

    schema_version: Literal[1] = 1

    def to_json(self) -> str:
        """One line of JSON, without line breaks."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Read one line; raises DataError naming the record kind and the first wrong field."""
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            raise DataError(
                f"not a {cls.__name__} record: {first_problem(error, whole='the line itself')}",
                "Rebuild the file with this version of burnish, or mend the row.",
            ) from error


class Part(BaseModel):
    """Base of the pieces that records are made of: frozen and strict, without a version of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Part):
    """One turn of a conversation. ``content`` is text; numbers and null are refused, never converted."""

    role: Role
    content: StrictStr


class ValueCase(Part):
    """One hidden value test: ``call`` is a Rust expression resolved in the candidate's crate."""

    call: str
    type: str
    """Fully written Rust type that the call's value is bound to before it is printed."""
    expected: str
    """The Debug text (``{:?}``) of the right value; compared outside the sandbox."""


class ValueTests(Part):
    """Tests by value: the harness prints values, the parent process compares them."""

    kind: Literal["values"] = "values"
    cases: tuple[ValueCase, ...]


class RustTests(Part):
    """Tests as Rust source: ``#[test]`` functions or an ``fn main`` with asserts, put into a separate crate."""

    kind: Literal["rust"] = "rust"
    source: str
    include_ignored: bool = False
    """Whether tests marked ``#[ignore]`` run too, as exercises want it that unlock one test after the other."""


class ProgramRun(Part):
    """One run of a whole program."""

    stdin: str = ""
    expected_stdout: str | None = None
    """Compared outside the sandbox, blanks at line ends aside; None takes any output."""
    exit_code: int = 0


class ProgramTests(Part):
    """Tests of a program with ``fn main``: what it prints and how it ends, run by run."""

    kind: Literal["program"] = "program"
    runs: tuple[ProgramRun, ...]


Tests = Annotated[ValueTests | RustTests | ProgramTests, Field(discriminator="kind")]


TaskKind = Literal["rust", "classification", "multiple_choice", "extractive_qa", "numeric", "text"]
"""How an answer is judged: Rust by the compiler and hidden tests, the others by what is extracted from the answer."""


class Choice(Part):
    """One option of a multiple-choice task."""

    label: str
    text: str


class Task(Record):
    """Something to write, how it is judged, and where it came from."""

    id: str
    kind: TaskKind = "rust"
    family: str
    """Combination of parts the task was composed from; splits and clustered intervals go by it."""
    level: int = 1
    """1 one expression, 2 two steps, 3 types with methods, 4 small programs."""
    prompt: tuple[Message, ...]
    code_prompt: str | None = None
    """Source that a completion may continue (ends in an open ``{``), as in HumanEval; None for instructions."""
    entry_point: str | None = None
    tests: Tests | None = None
    reference: str | None = None
    """A whole program or library that passes the tests."""
    wrong: tuple[str, ...] = ()
    """Answers, as a model would write them, that must not pass; they prove the tests, and nobody trains on them."""
    edition: Edition = "2021"
    crate_type: CrateType | None = None
    """None: a program where the code has an ``fn main``, else a library."""
    crates: tuple[str, ...] = ()
    """External crates that the code needs, by name."""
    context: str | None = None
    """The passage that an extractive answer is taken from; it stands in ``prompt`` too."""
    choices: tuple[Choice, ...] = ()
    """Options of a multiple-choice task."""
    labels: tuple[str, ...] = ()
    """What a classification may answer; the first is the positive class."""
    answers: tuple[StrictStr, ...] = ()
    """Right answers of a task that is not Rust, any of which counts: a label, a choice's label, a number as text.
    Empty in ``extractive_qa`` when the passage does not answer the question."""
    licence: str = ""
    origin: str = ""


ExclusionReason = Literal[
    "no_tests", "tests_cut_off", "reference_fails", "wrong_answer_passes", "empty_answer_passes", "in_process_grading"
]
"""Why a task cannot measure anything."""


class Exclusion(Part):
    """One task that is not scored, and why."""

    id: str
    reason: ExclusionReason
    detail: str = ""


class TaskExclusions(Record):
    """The format of an exclusion file: what of one task file is not scored."""

    tasks: str
    """Name of the task file."""
    digest: str
    """SHA-256 of the task file's bytes."""
    toolchain: str = ""
    """What judged the answers."""
    excluded: tuple[Exclusion, ...]


class Example(Record):
    """One conversation (``messages``) or one document (``text``) to train on, never a conversation joined to text."""

    id: str
    """``source:place``, where place is a line, a row number or a path."""
    messages: tuple[Message, ...] = ()
    text: StrictStr | None = None
    """Source code or prose, trained on from its first token to an end-of-sequence token; None for conversations."""
    weight: float = 1.0
    """Weight of its tokens in the loss."""
    trained_answers: Literal["all", "last"] = "all"
    """Which of the assistant's turns are trained; ``last`` leaves earlier ones as they were said, right or wrong."""
    source: str = ""
    """Name of the source in the configuration."""
    path: str = ""
    """Path in the repository or folder it came from, with ``/``; empty when unknown."""
    licence: str = ""
    """SPDX expression as the source gives it; empty when unknown."""
    task_type: str = ""
    """What the row teaches, where the source says so; task weights of a mixture go by it."""
    origin: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.messages) == (self.text is not None):
            raise ValueError("an example has either messages or a text")
        return self


class Completion(Record):
    """What a model wrote for one task."""

    task_id: str
    sample_index: int = 0
    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: Literal["stop", "length", "given"] = "stop"
    """``given`` marks an answer that was read from a file instead of sampled."""
    sampling: dict[str, Any] = Field(default_factory=dict)
    model_digest: str = ""
    seconds: float = 0.0


class Diagnostic(Part):
    """One compiler message with its first span; summary messages of rustc are not diagnostics."""

    level: Literal["error", "warning"]
    code: str | None
    """``E0308``, a lint name such as ``clippy::needless_return``, or None for syntax errors."""
    message: str
    line: int | None = None
    column: int | None = None
    rendered: str = ""


class TestCounts(Part):
    """How many tests ran, passed and were expected; ``expected`` is known before the run."""

    __test__: ClassVar[bool] = False  # not a pytest class

    run: int = 0
    passed: int = 0
    expected: int = 0


class Verdict(Record):
    """What the verifier found. ``infra`` never counts as fail; its cause is in ``detail``."""

    task_id: str
    sample_index: int = 0
    status: Status
    stage: VerifyStage
    """The last stage reached."""
    reason: Reason
    compiled: bool | None
    """Whether the candidate compiles: None when infra kept us from knowing."""
    code: str = ""
    """The source that was judged, after extraction."""
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
    """The Rust edition it was judged as; None in verdicts that were written without."""
    grading: Grading | None = None
    """For tests in Rust: whether they ran in a process without the answer; None where none were reached."""

    @property
    def lint_free(self) -> bool:
        """Whether it compiled without a single lint."""
        return bool(self.compiled) and not self.lints


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


class Score(Record):
    """A value with named components, or unscored with a reason; unscored is not zero."""

    task_id: str
    sample_index: int = 0
    value: float | None
    unscored_reason: str = ""
    components: dict[str, float] = Field(default_factory=dict)


class Rollout(Record):
    """What a policy wrote while it was trained, as judged then: one line of ``rollouts.jsonl``."""

    step: int = Field(0, ge=0)
    """Optimizer step whose policy wrote it; the completions of one task and step are a group."""
    completion: Completion
    verdict: Verdict | None = None
    """None where it was never judged."""
    score: Score | None = None
    """The reward it was given; None where that was not kept."""
