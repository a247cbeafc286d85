"""A fixed part of the real programs; ``python -m tests.verify.fairness.corpus`` judges them all."""

from __future__ import annotations

from pathlib import Path

from tests.verify.fairness.corpus import compare, corpus, split

SOURCE = """use std::fmt;
pub fn f() -> u8 { 1 }
/// Of f.
#[cfg(test)]
mod checks { use super::*; #[test] fn t() { assert_eq!(f(), 1); } }
#[test]
fn alone() {}
mod tests { #[test] fn u() {} }
mod other { pub fn g() {} }
"""


def test_a_source_is_parted_into_answer_and_tests() -> None:
    answer, tests = split(SOURCE)
    assert "fn f()" in answer
    assert "mod other" in answer
    assert "#[test]" not in answer
    assert [word in tests for word in ("mod checks", "fn alone", "mod tests", "Of f", "fn f()")] == [True] * 4 + [False]


def test_verdicts_of_real_programs_are_those_of_plain_rustc(shared: Path) -> None:
    programs, _ = corpus(shared)
    macro_made = [program for program in programs if "macro_rules! " in program.tests]
    chosen = [*programs[::90], *macro_made[1:30:9]]
    assert len(chosen) >= 12
    compared = compare(chosen)
    assert {one.outcome for one in compared} >= {"pass", "fail"}
    assert [one.program.name for one in compared if one.listed or not one.agrees] == []
