"""Tasks: the prompt, the hidden tests of the answer, and tasks that must not be scored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from burnish.records.base import Part, Record

Role = Literal["system", "user", "assistant", "tool"]


Edition = Literal["2015", "2018", "2021", "2024"]


CrateType = Literal["bin", "lib"]


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
    """Whether tests marked ``#[ignore]`` run too, as in exercises that enable one test after the other."""


class ProgramRun(Part):
    """One run of a whole program."""

    stdin: str = ""
    expected_stdout: str | None = None
    """Compared outside the sandbox, ignoring blanks at line ends; None accepts any output."""
    exit_code: int = 0


class ProgramTests(Part):
    """Tests of a program with ``fn main``: its output and exit code, run by run."""

    kind: Literal["program"] = "program"
    runs: tuple[ProgramRun, ...]


Tests = Annotated[ValueTests | RustTests | ProgramTests, Field(discriminator="kind")]


TaskKind = Literal["rust", "classification", "multiple_choice", "extractive_qa", "numeric", "text"]
"""How an answer is judged: Rust by the compiler and hidden tests, other kinds by the extracted answer."""


class Choice(Part):
    """One option of a multiple-choice task."""

    label: str
    text: str


class Task(Record):
    """A prompt, the way its answer is judged, and its origin."""

    id: str
    kind: TaskKind = "rust"
    family: str
    """Combination of parts that compose the task; the unit of splits and clustered intervals."""
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
    """Answers in a model's form that must not pass; they validate the tests, and are never trained on."""
    edition: Edition = "2021"
    crate_type: CrateType | None = None
    """None: a program if the code has an ``fn main``, otherwise a library."""
    crates: tuple[str, ...] = ()
    """External crates that the code needs, by name."""
    context: str | None = None
    """The passage that an extractive answer is taken from; ``prompt`` contains it too."""
    choices: tuple[Choice, ...] = ()
    """Options of a multiple-choice task."""
    labels: tuple[str, ...] = ()
    """Possible labels of a classification; the first is the positive class."""
    answers: tuple[StrictStr, ...] = ()
    """Right answers of a task that is not Rust, any of which counts: a label, a choice's label, a number as text.
    Empty in ``extractive_qa`` when the passage does not answer the question."""
    licence: str = ""
    origin: str = ""


ExclusionReason = Literal[
    "no_tests", "tests_cut_off", "reference_fails", "wrong_answer_passes", "empty_answer_passes", "in_process_grading"
]
"""Why a task cannot be scored."""


class Exclusion(Part):
    """One task that is not scored, and why."""

    id: str
    reason: ExclusionReason
    detail: str = ""


class TaskExclusions(Record):
    """The format of an exclusion file: the tasks of one file that are not scored."""

    tasks: str
    """Name of the task file."""
    digest: str
    """SHA-256 of the task file's bytes."""
    toolchain: str = ""
    """Identity of the verifier that judged the answers."""
    excluded: tuple[Exclusion, ...]
