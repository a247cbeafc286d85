from __future__ import annotations

import pytest

from burnish.syntax.source import parse
from burnish.verify.grader.crate_paths import lead_crate_paths


def led(tests: str, candidate: str = "pub fn f() {}", crates: tuple[str, ...] = ()) -> str:
    return lead_crate_paths(tests, parse(candidate), crates, "HERE")


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ("use etl::transform;", "use HERE::transform;"),
        ("use etl::*;\nfn t() { etl::f(); }", "use HERE::*;\nfn t() { HERE::f(); }"),
        ("use etl as e;\nfn t() { e::f(); }", "use HERE as e;\nfn t() { e::f(); }"),
        ("use etl::{A, b::C};", "use HERE::{A, b::C};"),
        ("fn t() { assert_eq!(etl::f(&etl::A::new()), 1); }", "fn t() { assert_eq!(HERE::f(&HERE::A::new()), 1); }"),
        ("use std::fmt;\nuse etl::f;\nfn t() { u8::from(fmt::x()); }", None),
        ("extern crate etl;\nuse etl::f;", "\nuse HERE::f;"),
        ("#[allow(clippy::all)]\nfn t() { etl::f(); }", "#[allow(clippy::all)]\nfn t() { HERE::f(); }"),
        ("mod tests { use super::*; fn t() { etl::f() } }", "mod tests { use super::*; fn t() { HERE::f() } }"),
    ],
)
def test_paths_of_the_candidate_crate_are_redirected(tests: str, expected: str | None) -> None:
    assert led(tests) == (expected if expected is not None else tests.replace("etl::", "HERE::"))


@pytest.mark.parametrize(
    "tests",
    [
        "use super::*;\nfn t() { Shape::new(); u8::MAX; std::mem::take(x); }",
        "use one::f;\nuse two::g;",
        "mod inner { pub fn f() {} }\nfn t() { inner::f(); }",
    ],
)
def test_paths_are_kept_where_no_single_crate_is_named(tests: str) -> None:
    assert led(tests) == tests


def test_modules_and_dependencies_are_not_taken_for_the_candidate_crate() -> None:
    tests = "use super::*;\nfn t() { shapes::f(); rand::random(); }"
    assert led(tests, "pub mod shapes { pub fn f() {} }", ("rand",)) == tests
