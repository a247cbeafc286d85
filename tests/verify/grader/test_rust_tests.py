from __future__ import annotations

import pytest

from burnish.records import RustTests, Task
from burnish.verify.grader.one_crate import answer_with_tests, hidden_module
from burnish.verify.grader.rust_tests import TestFunction, plan_tests

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


def module(code: str, tests: str = "fn main() { assert_eq!(f(&g()), 1); }", **fields: str) -> str:
    task = Task(id="t", family="t", prompt=(), entry_point="f", **fields)
    return hidden_module(plan_tests(RustTests(source=tests)), task, code)


@pytest.mark.parametrize(
    ("prompt", "wrapped"),
    [
        ("fn f(a: i32) -> i32 {\n", "fn f(a0: i32) -> i32 { super::f(a0) }"),
        ("fn f<'a>(a: &'a str) -> &'a str {\n", "fn f<'a>(a0: &'a str) -> &'a str {"),
        ("fn f() {\n", "fn f() { super::f() }"),
        ("fn f<T>(a: T) {\n", None),
        ("fn f(a: impl Fn()) {\n", None),
        ("fn f() -> impl Iterator<Item = u8> {\n", None),
        ("unsafe fn f() {\n", None),
        ("fn f(a: u8) where u8: Copy {\n", None),
        ("fn other() {\n", None),
    ],
)
def test_the_declared_signature_stands_between_tests_and_answer(prompt: str, wrapped: str | None) -> None:
    text = module("fn f() {}\nfn g() {}", code_prompt=prompt)
    assert ("fn f" in text) == (wrapped is not None)
    assert wrapped is None or wrapped in text


@pytest.mark.parametrize(
    ("code", "tests", "pinned"),
    [
        ("struct String; fn f() {}", "fn main() { let s: String = f(); }", ["use ::std::string::String;"]),
        ("fn f() {}", "fn main() { assert_eq!(f(), ()); }", ["use ::std::assert_eq;"]),
        ("use std::io::Result;\nfn f() {}", "fn main() { let r: Result<()> = f(); }", []),
        ("type Result<T> = std::result::Result<T, u8>;\nfn f() {}", "fn main() { let r: Result<()> = f(); }", []),
        (
            "mod m { pub struct Vec; }\nuse m::Vec;\nfn f() {}",
            "fn main() { let r: Vec = f(); }",
            ["use ::std::vec::Vec;"],
        ),
        ("fn f() {}", "use other::Vec;\nfn main() { let r: Vec = f(); }", []),
    ],
)
def test_standard_names_keep_their_meaning(code: str, tests: str, pinned: list[str]) -> None:
    found = [line for line in module(code, tests).splitlines() if line.startswith("use ::std::")]
    assert found == pinned


@pytest.mark.parametrize(
    ("code", "begins"),
    [
        ("fn f() {}", "MOD fn f() {}"),
        ("//! Doc.\n// c\n#![allow(x)]\n#[inline]\nfn f() {}", "//! Doc.\n// c\n#![allow(x)]\nMOD #[inline]\nfn f"),
        ("/// Doc.\nfn f() {}", "MOD /// Doc.\nfn f"),
        ("#!/bin/x\nfn f() {}", "#!/bin/x\nMOD fn f"),
        ("", "MOD "),
    ],
)
def test_the_tests_are_declared_before_the_first_item(code: str, begins: str) -> None:
    made = answer_with_tests(code).replace("#[doc(hidden)] #[allow(warnings)] pub mod burnish_tests;", "MOD")
    assert made.startswith(begins)
    assert made.count("\n") == code.count("\n")
