from __future__ import annotations

from burnish.records import RustTests
from burnish.verify.grader.macro_tests import listed_tests, skeleton, with_callable_macros
from burnish.verify.grader.rust_tests import TestFunction, plan_tests

SOURCE = """use super::*;
const N: Tree = Tree::new();
fn helper(tree: &Tree) -> usize { tree.len() }
#[cfg(feature = "slow")]
slow! { a }
#[cfg(test)]
mod tests {
    use super::*;
    macro_rules! cases {
        ($($(#[$m:meta])* $name:ident: $value:expr),*) => {
            $(#[test] $(#[$m])* fn $name() -> Result<(), Error> { use std::fmt;
                assert_eq!(helper(&$value), 1); Ok(()) })*
        };
    }
    cases! { one: Tree::new(), #[should_panic] two: Tree::of(fn(u8) -> u8 { 1 }) }
}
"""
REPORT = """
running 4 tests
test a - should panic ... FAILED
test tests::b - should panic ... ok
test tests::c ... ignored, slow
test tests::d ... FAILED

failures:

---- a stdout ----

thread 'a' panicked at tests.rs:4:1:
\x02
note: panic did not contain expected string
      panic message: "\\u{2}"
 expected substring: "fo\\"o\\né"

---- tests::d stdout ----
expected

failures:
    a
    tests::d
"""


def test_a_skeleton_needs_nothing_of_an_answer() -> None:
    bare = skeleton(SOURCE)
    assert "pub(crate) mod tests {" in bare
    assert "fn $name() {" in bare
    for absent in ("use", "Result", "helper(", "const N", "slow!"):
        assert absent not in bare


def test_macros_make_functions_that_can_be_called() -> None:
    callable_source = with_callable_macros(plan_tests(RustTests(source=SOURCE)).source)
    assert "$($(#[$m])* pub(crate) fn $name()" in " ".join(callable_source.split()).replace("$( $(", "$($(")
    assert "#[test]" not in callable_source
    assert "should_panic" not in callable_source


def test_the_report_says_which_tests_there_are_and_how_they_panic() -> None:
    assert listed_tests(REPORT) == (
        TestFunction("a", 'fo"o\né'),
        TestFunction("tests::b", ""),
        TestFunction("tests::d"),
    )
