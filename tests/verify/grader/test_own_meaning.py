# ruff: noqa: E501
"""Answers that give what their tests see a meaning of their own, where both are one crate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier
from burnish.verify.grader.own_meaning import false_type, hidden_traits, unnamed_import
from tests.verify.separate.asking import judged, task_of

KEEP = "pub fn keep(f: impl Fn(i32) -> bool, x: &[i32]) -> Vec<i32> {"
TESTS = "use super::*;\n#[test]\nfn t() { assert_eq!(keep(|x| x > 1, &[1, 2, 3]).len(), 2); assert!(keep(|x| x > 1, &[3]).contains(&3)); }"
LENGTH = "trait L { fn len(self) -> usize; fn contains(self, _: &i32) -> bool; }\nimpl L for Vec<i32> { fn len(self) -> usize { 2 } fn contains(self, _: &i32) -> bool { true } }"
POINT = "#[derive(Debug, PartialEq)]\npub struct P { pub x: i32 }"
HALF = "#[test] fn t() { assert!((half(3.0) - 1.5).abs() < 1e-9); }"
EVEN = "#[test] fn t() { assert!(even(2)); }"
SOME = "#[test] fn t() { assert!(f(3).is_some()); }"


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as one:
        yield one


@pytest.mark.parametrize(
    ("code", "given", "hidden"),
    [
        (LENGTH, KEEP, ["L"]),
        (LENGTH, None, ["L"]),
        (f"mod m {{ pub {LENGTH} }}\nuse m::L as Q;", KEEP, ["L", "Q"]),
        ("macro_rules! q { () => { trait Y { fn len(self) -> usize; } } }", KEEP, ["Y"]),
        ("macro_rules! q { ($n:ident) => { trait $n { } } }\nq!(Zed);", KEEP, ["Zed", "ident", "n", "q"]),
        ("pub trait Even { fn even(&self) -> bool; }", None, []),
        ("pub struct Q; trait L { fn position(&self); } impl L for Q { fn position(&self) {} }", None, []),
        ("pub struct Q; trait L { fn is_some(&self); } impl L for Q { fn is_some(&self) {} }", None, ["L"]),
        ("mod m { pub struct String; } trait L { fn len(&self); } impl L for String { fn len(&self) {} }", None, ["L"]),
        ("struct T; trait L { fn len(&self); } impl<T> L for T { fn len(&self) {} }", None, ["L"]),
        ("struct Q; trait L { fn len(&self); } impl L for (Q,) { fn len(&self) {} }", None, ["L"]),
        (
            "struct Q; trait L { fn len(&self); } mod m { use std::vec::Vec as Q; impl super::L for Q<u8> { fn len(&self) {} } }",
            None,
            ["L", "Q"],
        ),
        ("pub trait Shape { fn len(&self) -> usize; }", "pub trait Shape { fn len(&self) -> usize; }", []),
        ("fn f() {}", KEEP, []),
    ],
)
def test_traits_of_the_answers_are_hidden_from_tests(code: str, given: str | None, hidden: list[str]) -> None:
    assert [name for name in hidden_traits(code, TESTS, given) if name not in ("ident", "n", "q")] == [
        name for name in hidden if name not in ("ident", "n", "q")
    ]


@pytest.mark.parametrize(
    ("code", "tests", "given", "kind"),
    [
        ("pub struct Vec<T>(T);", TESTS, KEEP, "Vec"),
        ("pub struct bool;", EVEN, None, "bool"),
        ("mod m { pub struct bool; } use m::bool;", EVEN, None, "bool"),
        ("macro_rules! q { () => { pub struct bool; } } q!();", EVEN, None, "bool"),
        ("type Result<T> = std::result::Result<T, String>;", EVEN, None, ""),
        ("pub struct Y; impl std::ops::Not for Y { type Output = bool; }", EVEN, None, "Y"),
        ("pub struct Y; impl std::ops::Not for Y { type Output = Self; }", EVEN, None, ""),
        ("pub struct Y; impl std::ops::Not for Y { type Output = Y; }", EVEN, None, ""),
        (
            "pub struct Y; mod m { type Y = bool; impl std::ops::Not for super::Y { type Output = Y; } }",
            EVEN,
            None,
            "Y",
        ),
        ("pub struct Y; impl std::ops::Deref for Y { type Target = f64; }", HALF, None, "Y"),
        ("pub struct Y; impl std::ops::Sub<f64> for Y { type Output = f64; }", HALF, None, "Y"),
        ("macro_rules! q { ($t:ty) => { impl Sub for Y { } } }", HALF, None, "Y"),
        ("pub struct Y; impl Y { pub fn is_some(&self) -> bool { true } }", SOME, None, "Y"),
        ("pub struct Y; impl Y { pub fn size(&self) -> usize { 0 } }", SOME, None, ""),
        ("pub struct P { pub x: i32 } impl PartialEq for P { fn eq(&self, _: &P) -> bool { true } }", "", POINT, "P"),
        ("pub struct Q; impl PartialEq for Q { fn eq(&self, o: &Q) -> bool { true } }", "", POINT, ""),
        ("pub struct P; impl std::ops::Add for P { type Output = P; }", "#[test] fn t() { P; }", None, ""),
    ],
)
def test_a_type_that_stands_for_results_is_named(code: str, tests: str, given: str | None, kind: str) -> None:
    assert false_type(code, tests, given) == kind


@pytest.mark.parametrize(
    ("line", "refused"),
    [("use m::L as _;", True), ("use self::{m::L as _};", True), ("use std::io::Read as _;", False), ("", False)],
)
def test_a_trait_without_a_name_is_not_imported(line: str, refused: bool) -> None:
    assert bool(unnamed_import(f"mod m {{ pub trait L {{}} }}\n{line}")) == refused


@pytest.mark.parametrize("way", ["", "mod m { pub %s }\nuse m::*;", "mod m { pub %s }\nuse m::L as _;"])
def test_a_trait_does_not_take_over_the_calls_of_the_tests(verifier: Verifier, way: str) -> None:
    code = f"{way % LENGTH if way else LENGTH}\n{KEEP} let _ = (f, x); vec![] }}"
    verdict = judged(verifier, task_of(f"{KEEP}\n", TESTS), code)
    assert (verdict.reason, verdict.grading) == ("tests_failed", "in_process"), verdict.detail


def test_a_trait_that_tests_need_is_seen_by_them(verifier: Verifier) -> None:
    code = "pub trait E { fn even(&self) -> bool; }\nimpl E for i32 { fn even(&self) -> bool { self % 2 == 0 } }"
    verdict = judged(verifier, task_of(None, "use super::*;\n#[test]\nfn t() { assert!(4.even()); }"), code)
    assert (verdict.reason, verdict.grading) == ("ok", "in_process"), verdict.detail
