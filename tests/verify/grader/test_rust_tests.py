from __future__ import annotations

from burnish.records import RustTests, Task
from burnish.verify.grader.rust_tests import TestFunction, plan_tests, rust_harness

SOURCE = """
#![allow(unused)]
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a() { assert_eq!(f(1), 1); }
    #[test]
    #[should_panic(expected = "too large")]
    fn b() { f(9); }
    #[test]
    #[ignore]
    fn c() {}
    fn helper() {}
    mod inner {
        #[test]
        fn d() {}
    }
}
"""


def test_the_tests_are_known_before_anything_runs() -> None:
    plan = plan_tests(RustTests(source=SOURCE))
    assert plan.functions == (
        TestFunction("tests::a"),
        TestFunction("tests::b", "too large"),
        TestFunction("tests::inner::d"),
    )
    assert "#[" not in plan.source


def test_a_main_with_asserts_is_one_test() -> None:
    assert plan_tests(RustTests(source="fn main() { assert!(f()); }")).functions == (TestFunction("main"),)


def test_a_source_without_tests_has_none() -> None:
    assert plan_tests(RustTests(source="fn helper() {}")).functions == ()


def harness(code: str, **fields: str) -> str:
    task = Task(id="t", family="t", prompt=(), entry_point="f", **fields)
    return rust_harness(plan_tests(RustTests(source="fn main() { assert_eq!(f(&g()), 1); }")), task, code)


def test_the_declared_signature_stands_between_tests_and_candidate() -> None:
    text = harness("fn f(x: &str) -> Odd { Odd }\nfn g() {}", code_prompt="fn f(x: &str) -> usize {\n")
    assert "pub fn f(a0: &str) -> usize { ::submission::f(a0) }" in text
    assert "pub use ::submission::g;" in text
    assert "pub use ::submission::f;" not in text


def test_generic_signatures_are_reached_by_import() -> None:
    assert "pub use ::submission::f;" in harness("fn f() {}", code_prompt="fn f<T: Ord>(x: T) -> T {\n")


def test_lifetimes_are_repeated() -> None:
    assert "pub fn f<'a>(a0: &'a str) -> &'a str" in harness(
        "fn f() {}", reference="fn f<'a>(x: &'a str) -> &'a str { x }"
    )


def test_imports_come_from_the_task_not_from_the_candidate() -> None:
    code = "use std::assert_ne as assert_eq;\nuse std::fmt::Debug;\nfn f() {}"
    assert "assert_ne" not in harness(code)
    assert "pub use std::fmt::Debug;" in harness(code)
    declared = harness(code, code_prompt="use std::cmp::max;\nuse rand::Rng;\nfn f() {\n")
    assert "pub use std::cmp::max;" in declared
    assert "rand" not in declared
    assert "fmt::Debug" not in declared


def test_standard_names_keep_their_meaning() -> None:
    plan = plan_tests(RustTests(source="fn main() { let s: String = f(); }"))
    text = rust_harness(plan, Task(id="t", family="t", prompt=()), "struct String; fn f() {}")
    assert "::submission::String" not in text
