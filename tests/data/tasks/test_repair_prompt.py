"""What a model is told about its failing code: errors and counts, and nothing of the hidden tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.data.tasks.repair_prompt import ASK, MOST_ERRORS, repair_message
from burnish.records import Completion, Diagnostic, Message, ProgramRun, ProgramTests, Task, ValueCase, ValueTests
from burnish.verify import Verifier
from tests.score.example_verdicts import broken, infra, passing, wrong

SECRET = "secret_argument_41"
PROMPT = (Message(role="user", content="Write `pub fn solve(v: &str) -> usize` that returns the length."),)
VALUES = Task(
    id="values",
    family="f",
    prompt=PROMPT,
    entry_point="solve",
    tests=ValueTests(
        cases=(
            ValueCase(call=f'solve("{SECRET}")', type="usize", expected="18"),
            ValueCase(call='solve("")', type="usize", expected="0"),
        )
    ),
)
PROGRAM = Task(
    id="program",
    family="f",
    prompt=(Message(role="user", content="Print the input."),),
    tests=ProgramTests(runs=(ProgramRun(stdin=SECRET, expected_stdout=SECRET), ProgramRun(stdin="a"))),
)


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(workers=2)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("task", "code", "said"),
    [
        (VALUES, "pub fn solve(v: &str) -> usize { v.len() + missing }", "error[E0425]"),
        (VALUES, "pub fn solve(v: &str) -> usize { v.len( }", "does not compile"),
        (VALUES, "pub fn solve(_v: &str) -> usize { 0 }", "passes 1 of 2 tests"),
        (VALUES, "pub fn solve(v: &str) -> usize { assert!(v.is_empty()); 0 }", "stops with an error"),
        (VALUES, "pub fn other(v: &str) -> usize { v.len() }", "another signature"),
        (VALUES, "pub fn solve(v: i64) -> usize { v as usize }", "another signature"),
        (VALUES, "I do not know.", "no Rust code"),
        (PROGRAM, 'fn main() { println!("x"); }', "of 2 tests"),
        (PROGRAM, "fn main() { panic!() }", "stops with an error"),
    ],
)
def test_a_real_failure_is_told_without_the_hidden_tests(verifier: Verifier, task: Task, code: str, said: str) -> None:
    (verdict,) = verifier.verify([(task, Completion(task_id=task.id, text=code))])
    assert verdict.status == "fail"
    message = repair_message(verdict)
    assert message.role == "user"
    assert said in message.content
    assert message.content.endswith(ASK)
    assert SECRET not in message.content


def test_the_first_errors_are_shown_and_the_others_counted() -> None:
    verdict = broken("t", codes=tuple(f"E000{n}" for n in range(1, 6)))
    content = repair_message(verdict).content
    assert [f"E000{n}" in content for n in range(1, 6)] == [True] * MOST_ERRORS + [False] * 2
    assert "and 2 more errors." in content


def test_a_linker_that_fails_is_not_quoted() -> None:
    linker = Diagnostic(level="error", code=None, message=f"linking failed: {SECRET}", rendered=SECRET)
    verdict = broken("t").model_copy(update={"diagnostics": (linker,)})
    assert repair_message(verdict).content.startswith("Your code does not build.")


@pytest.mark.parametrize("verdict", [passing("t"), infra("t")])
def test_no_repair_is_asked_for_a_passing_answer(verdict: object) -> None:
    with pytest.raises(ValueError, match="no repair"):
        repair_message(verdict)  # type: ignore[arg-type]


def test_details_of_hidden_tests_are_never_shown() -> None:
    verdict = wrong("t").model_copy(update={"detail": SECRET})
    assert SECRET not in repair_message(verdict).content
