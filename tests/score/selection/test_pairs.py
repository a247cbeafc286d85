"""Which answers are set against each other."""

from __future__ import annotations

from burnish.score.selection.pairs import labelled, preference_pairs, repair_pairs
from tests.score.selection.judged_answers import judged

BROKEN, CLOSE, FAR = (
    "pub fn f(x: i64) -> i64 { x + one }",
    "pub fn f(x: i64) -> i64 { x + 1 }",
    "pub fn f(x: i64) -> i64 { [x, 1].iter().sum() }",
)


def test_compiling_failures_are_rejected_first_and_each_once() -> None:
    rows = [
        judged("broken", "a", 0),
        judged("wrong", "a", 1),
        judged("pass", "a", 2),
        judged("pass", "a", 3, lints=1),
        judged("wrong", "a", 4, "pub fn f(y: i64) -> i64 { y + 1 }"),  # that of sample 1 with another name
        judged("infra", "a", 5),
    ]
    found = [
        (pair.passing.completion.sample_index, pair.failing.completion.sample_index)
        for pair in preference_pairs(rows, 4)
    ]
    assert found == [(2, 1), (3, 0)]
    assert len(preference_pairs(rows, 1)) == 1


def test_a_pair_needs_a_passing_and_a_failing_answer() -> None:
    rows = [judged("pass", "a"), judged("wrong", "b"), judged("pass", "c"), judged("wrong", "c", 1, cut=True)]
    assert not preference_pairs(rows, 4)
    assert not repair_pairs(rows, 4)
    assert not labelled(rows, 4)


def test_single_answers_are_labelled_in_equal_limits() -> None:
    rows = [judged("pass", "a", n) for n in range(3)] + [judged("broken", "a", n) for n in range(3, 6)]
    found = [(one.completion.sample_index, good) for one, good in labelled(rows, 2)]
    assert found == [(0, True), (1, True), (3, False), (4, False)]


def test_a_repair_is_the_passing_answer_that_shares_most_tokens() -> None:
    rows = [judged("pass", "a", 0, FAR), judged("pass", "a", 1, CLOSE), judged("broken", "a", 2, BROKEN)]
    (pair,) = repair_pairs(rows, 4)
    assert pair.passing.completion.text == CLOSE
    assert pair.failing.completion.text == BROKEN


def test_compiler_errors_are_repaired_first() -> None:
    rows = [judged("pass", "a", 0), judged("wrong", "a", 1), judged("broken", "a", 2)]
    assert [pair.failing.completion.sample_index for pair in repair_pairs(rows, 4)] == [2, 1]
