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


Y = "pub struct Y; pub fn even(_: i32) -> Y { Y }"
HALF_Y = "pub struct Y; fn half(_: f64) -> Y { Y }"
NOT = "{ type Output = bool; fn not(self) -> bool { true } }"
MINE = "pub struct P { pub x: i32 }"
EQUAL = "{ fn eq(&self, _: &P) -> bool { true } }"
GRID = "struct Grid(Vec<f64>); impl std::ops::Index<usize> for Grid { type Output = f64; } impl Grid { fn is_some(&self) -> bool { true } }"

MADE_ADD = "struct M(u64); macro_rules! ops { ($t:ident) => { impl std::ops::$t for M { type Output = M; fn f(self) -> M { self } } } } ops!(Add);"


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
        ("macro_rules! q { ($n:ident) => { trait $n { } } }\nq!(Zed);", KEEP, ["Zed"]),
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
        ("trait r#L { fn len(&self); }", KEEP, ["L"]),
        ("pub trait r#type { fn len(&self); }", KEEP, ["type"]),
        ("mod m { pub trait r#L { fn len(&self); } } use m::L as /**/ r#Q;", KEEP, ["L", "Q"]),
        ("macro_rules! q { () => { trait r#L { fn len(&self); } } } q!();", KEEP, ["L"]),
        (
            "macro_rules! q { ($n:ident) => { trait $n { } } } macro_rules! w { () => { q!(Zed); } } w!();",
            KEEP,
            ["Zed"],
        ),
        ("macro_rules! q { ($n:ident) => { trait $n { } } } use q as w; w! { r#Zed }", KEEP, ["Zed", "w"]),
        ("mod m { pub trait L { } } macro_rules! q { () => { use m::L as Q; } } q!();", KEEP, ["L", "Q"]),
        (
            "use std::ops::Neg as N; trait L { fn len(&self); } impl L for /**/ Vec<u8> { fn len(&self) {} }",
            None,
            ["L", "N"],
        ),
    ],
)
def test_traits_of_the_answers_are_hidden_from_tests(code: str, given: str | None, hidden: list[str]) -> None:
    assert hidden_traits(code, TESTS, given) == hidden


@pytest.mark.parametrize(
    ("code", "tests", "given", "kind"),
    [
        ("pub struct Vec<T>(T);", TESTS, KEEP, "Vec"),
        ("pub struct bool;", EVEN, None, "bool"),
        ("mod m { pub struct bool; } use m::bool;", EVEN, None, "bool"),
        ("macro_rules! q { () => { pub struct bool; } } q!();", EVEN, None, "bool"),
        ("type Result<T> = std::result::Result<T, String>;", EVEN, None, ""),
        (f"{Y} impl std::ops::Not for Y {{ type Output = bool; }}", EVEN, None, "Y"),
        ("pub struct Y; impl std::ops::Not for Y { type Output = Self; }", EVEN, None, ""),
        ("pub struct Y; impl std::ops::Not for Y { type Output = Y; }", EVEN, None, ""),
        (f"{Y} mod m {{ type Y = bool; impl std::ops::Not for super::Y {{ type Output = Y; }} }}", EVEN, None, "Y"),
        (f"{HALF_Y} impl std::ops::Deref for Y {{ type Target = f64; }}", HALF, None, "Y"),
        (f"{HALF_Y} impl std::ops::Sub<f64> for Y {{ type Output = f64; }}", HALF, None, "Y"),
        (f"{HALF_Y} macro_rules! q {{ ($t:ty) => {{ impl Sub for Y {{ }} }} }}", HALF, None, "Y"),
        ("pub struct Y; fn f(_: i32) -> Y { Y } impl Y { pub fn is_some(&self) -> bool { true } }", SOME, None, "Y"),
        ("pub struct Y; impl Y { pub fn size(&self) -> usize { 0 } }", SOME, None, ""),
        ("pub struct P { pub x: i32 } impl PartialEq for P { fn eq(&self, _: &P) -> bool { true } }", "", POINT, "P"),
        ("pub struct Q; impl PartialEq for Q { fn eq(&self, o: &Q) -> bool { true } }", "", POINT, ""),
        ("pub struct P; impl std::ops::Add for P { type Output = P; }", "#[test] fn t() { P; }", None, ""),
    ],
)
def test_a_type_that_stands_for_results_is_named(code: str, tests: str, given: str | None, kind: str) -> None:
    assert false_type(code, tests, given) == kind


SPELLED_NOT = (
    f"impl std::ops::r#Not for Y {NOT}",
    f"impl Not for r#Y {NOT}",
    f"use std::ops::Not as N; impl N for Y {NOT}",
    f"mod a {{ pub(crate) use std::ops::Not as N; }} use a::N as r#O; impl r#O for Y {NOT}",
    f"use std::ops::Not::{{self as N}}; impl N for Y {NOT}",
    f"impl std::ops:: /* */ Not for Y {NOT}",
    f"impl std // a\n::ops::Not for Y {NOT}",
    f"impl std::ops::Not for &Y {NOT}",
    f"impl std::ops::Not for (Y) {NOT}",
    f"impl std::ops::Not for Box<Y> {NOT}",
    f"mod m {{ use super::Y as T; impl std::ops::Not for T {NOT} }}",
    f"type Z = Y; impl std::ops::Not for Z {NOT}",
    f"fn inner() {{ impl std::ops::Not for Y {NOT} }}",
    f"macro_rules! q {{ ($t:path) => {{ impl $t for Y {NOT} }} }} q!(std::ops::Not);",
    f"macro_rules! q {{ ($t:ident) => {{ use std::ops::*; impl $t for Y {NOT} }} }} macro_rules! w {{ () => {{ q!(r#Not); }} }} w!();",
    f"macro_rules! q {{ ($($t:tt)*) => {{ impl $($t)* {NOT} }} }} q!(std::ops::Not for Y);",
    f"macro_rules! q {{ ($($t:tt)*) => {{ $($t)* }} }} q!(impl std::ops::Not for Y {NOT});",
    f"macro_rules! q {{ ($i:tt $t:tt) => {{ $i $t for Y {NOT} }} }} use std::ops::Not; q!(impl Not);",
    f"macro_rules! q {{ ($t:path, $n:ident) => {{ use $t as $n; }} }} q!(std::ops::Not, N); macro_rules! w {{ ($t:ident) => {{ impl $t for Y {NOT} }} }} w!(N);",
    "#[derive(derive_more::Not)] struct Y;",
    "#[cfg_attr(all(), derive(derive_more::Not))] struct Y;",
)


@pytest.mark.parametrize("spelled", SPELLED_NOT)
def test_an_operator_is_seen_however_it_is_spelled(spelled: str) -> None:
    assert false_type(f"{Y} {spelled}", EVEN) == "Y"


@pytest.mark.parametrize(
    "code",
    [
        f"pub struct Y<T>(T); pub fn even(_: i32) -> Y<u8> {{ Y(1) }} impl<T> std::ops::Not for Y<T> {NOT}",
        f"pub struct Y; pub struct W {{ pub y: Y }} pub fn even(_: i32) -> W {{ W {{ y: Y }} }} impl std::ops::Not for Y {NOT}",
        f"struct Y; fn even(_: i32) -> impl std::ops::Not<Output = bool> {{ Y }} impl std::ops::Not for Y {NOT}",
        f"struct Y; trait N: std::ops::Not {{}} impl N for Y {{}} fn even(_: i32) -> impl N {{ Y }} impl std::ops::Not for Y {NOT}",
        f"struct Y; trait T {{ type O; }} struct M; impl T for M {{ type O = Y; }} fn even(_: i32) -> <M as T>::O {{ Y }} impl std::ops::Not for Y {NOT}",
        f"struct Y; mod m {{ pub fn inner(_: i32) -> super::Y {{ super::Y }} }} use m::inner as even; impl std::ops::Not for Y {NOT}",
        f"struct Y; const even: fn(i32) -> Y = |_| Y; impl std::ops::Not for Y {NOT}",
        f"struct Y; type R = Y; fn even(_: i32) -> R {{ Y }} impl std::ops::Not for Y {NOT}",
        f"struct Y; macro_rules! q {{ ($n:ident, $k:ty) => {{ fn $n(_: i32) -> $k {{ Y }} }} }} q!(even, Y); impl std::ops::Not for Y {NOT}",
        f"struct Y; type R = Y; macro_rules! q {{ ($n:ident) => {{ fn $n(_: i32) -> R {{ Y }} }} }} q!(even); impl std::ops::Not for Y {NOT}",
        f"struct Y; macro_rules! q {{ () => {{ fn even(_: i32) -> Y {{ Y }} }} }} q!(); impl std::ops::Not for Y {NOT}",
    ],
)
def test_an_operator_of_what_a_signature_leads_to_is_seen(code: str) -> None:
    assert false_type(code, EVEN) == "Y"


def test_a_type_that_is_called_like_a_test_is_not_one_that_tests_name() -> None:
    assert false_type(f"struct t; fn even(_: i32) -> t {{ t }} impl std::ops::Not for t {NOT}", EVEN) == "t"


@pytest.mark.parametrize(
    "code",
    [
        f"{MINE} impl r#PartialEq for P {EQUAL}",
        f"{MINE} impl PartialEq for r#P {EQUAL}",
        f"pub struct r#P {{ pub x: i32 }} impl PartialEq for P {EQUAL}",
        f"{MINE} impl std::cmp:: /*a*/ PartialEq for P {EQUAL}",
        f"{MINE} use std::cmp::PartialEq as E; impl E for P {EQUAL}",
        f"{MINE} type Q = P; impl PartialEq for Q {EQUAL}",
        f"pub struct Q {{ pub x: i32 }} pub type P = Q; impl PartialEq for Q {EQUAL}",
        f"mod m {{ #[derive(PartialEq)] pub struct P; }} pub struct Q {{ pub x: i32 }} pub use Q as P; impl PartialEq for Q {EQUAL}",
        f"#[cfg_attr(any(), derive(PartialEq))] {MINE} impl PartialEq for P {EQUAL}",
        f"{MINE} trait S {{ type T; }} impl S for P {{ type T = Self; }} impl PartialEq for <P as S>::T {EQUAL}",
        f"{MINE} macro_rules! q {{ ($t:path) => {{ impl $t for P {EQUAL} }} }} q!(PartialEq);",
        f"{MINE} macro_rules! q {{ ($k:ty) => {{ impl PartialEq for $k {EQUAL} }} }} q!(P);",
        f"{MINE} macro_rules! q {{ (#[derive($t:path)]) => {{ impl $t for P {EQUAL} }} }} q!(#[derive(PartialEq)]);",
    ],
)
def test_a_comparison_is_seen_however_it_is_spelled(code: str) -> None:
    assert false_type(code, "", POINT) == "P"


@pytest.mark.parametrize(
    "code",
    [
        f"{POINT} pub struct Q; impl PartialEq for Q {EQUAL}",
        f"{POINT} macro_rules! q {{ ($k:ty) => {{ impl PartialEq for $k {EQUAL} }} }} q!(Q);",
        f"#[derive(PartialEq)] /* a */ #[derive(Debug)] {MINE} impl PartialOrd for P {{ }}",
        f"{MINE} macro_rules! q {{ ($n:ident) => {{ #[derive(PartialEq)] pub struct $n; impl $n {{ }} }} }} q!(Q);",
    ],
)
def test_other_comparisons_of_an_answer_are_its_own(code: str) -> None:
    assert false_type(code, "", POINT) == ""


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("pub type Result<T> = ::std::result::Result<T, String>;", KEEP),
        ("mod errors { pub type Result<T> = std::result::Result<T, String>; } use errors::Result;", KEEP),
        ("use anyhow::Result;", KEEP),
        ("use hashbrown::{HashMap, HashSet};", KEEP),
        ("pub type Result<T> = anyhow::Result<T>;", KEEP),
        ("use std::result::Result as StdResult; type Result<T> = StdResult<T, String>;", KEEP),
        ("use rustc_hash::FxHashMap; type HashMap<K, V> = FxHashMap<K, V>;", KEEP),
        ("use std::io; type Result<T> = io::Result<T>;", KEEP),
        ("use r#std::collections::BTreeMap as HashMap;", KEEP),
        (f"{GRID} pub fn half(x: f64) -> f64 {{ Grid(vec![x])[0] / 2.0 }}", None),
        (f"{GRID} pub fn half(x: f64) -> f64 {{ fn new() -> Grid {{ Grid(vec![]) }} x / 2.0 }}", None),
        (
            f"{GRID} pub struct B; impl std::ops::Add for B {{ type Output = B; }} pub fn half(x: f64) -> f64 {{ x }}",
            None,
        ),
        (f"{MADE_ADD} pub fn half(x: f64) -> f64 {{ x }}", None),
        ("enum Op { Add, Not } fn half(x: f64) -> f64 { matches!(Op::Add, Op::Not); x } struct Y;", None),
    ],
)
def test_what_disguises_nothing_is_the_answers_to_define(code: str, given: str | None) -> None:
    texts = (given, f"fn f() -> Result<HashMap<u8, HashSet<u8>>> {{}} {KEEP}") if given else ()
    assert false_type(code, HALF + "fn u() { x.is_some() }", *texts) == ""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("pub struct r#bool;", "bool"),
        ("mod m { pub struct Yes; } use m::Yes as bool;", "bool"),
        ("mod m { pub struct Yes; } pub(crate) use m::{Yes as r#bool};", "bool"),
        ("mod m { pub struct Yes; } type bool = m::Yes;", "bool"),
        ("mod m { pub struct bool; } type bool = m::bool;", "bool"),
        ("mod std { pub struct Yes; } type bool = std::Yes;", "bool"),
        ("mod m { pub struct Yes; } use m as std; type bool = std::Yes;", "bool"),
        ("mod m { pub struct AResult<T>(T); } use m::AResult as B; type Result<T> = B<T>;", "Result"),
        ("mod m { pub struct FxResult<T>(T); } use m::FxResult; type Result<T> = FxResult<T>;", "Result"),
        ("mod m { pub enum Result<T> { Ok(T) } } use m::Result;", "Result"),
        ("struct Option<T>(T); type Result<T> = Option<T>;", "Option"),
        ("use either::Either as Result;", "Result"),
        ("macro_rules! q { () => { pub struct r#bool; } } q!();", "bool"),
    ],
)
def test_a_disguise_is_seen_however_it_is_spelled(code: str, kind: str) -> None:
    assert false_type(code, "", f"fn f() -> Result<bool> {{}} fn g() -> Option<u8> {{}} {KEEP}") == kind


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("use m::L as _;", True),
        ("use m::L as /**/ _;", True),
        ("use m::r#L as\n_;", True),
        ("macro_rules! q { ($p:path) => { use $p as _; } } q!(m::L);", True),
        ("use /**/ std::io::Read as _;", False),
        ("use self::{m::L as _};", True),
        ("use std::io::Read as _;", False),
        ("", False),
    ],
)
def test_a_trait_without_a_name_is_not_imported(line: str, refused: bool) -> None:
    assert bool(unnamed_import(f"mod m {{ pub trait L {{}} }}\n{line}")) == refused


@pytest.mark.parametrize("way", ["", "r#", "mod m { pub %s }\nuse m::*;", "mod m { pub %s }\nuse m::L as _;"])
def test_a_trait_does_not_take_over_the_calls_of_the_tests(verifier: Verifier, way: str) -> None:
    code = (
        f"{way % LENGTH if '%s' in way else LENGTH.replace('trait ', f'trait {way}')}\n{KEEP} let _ = (f, x); vec![] }}"
    )
    verdict = judged(verifier, task_of(f"{KEEP}\n", TESTS), code)
    assert (verdict.reason, verdict.grading) == ("tests_failed", "in_process"), verdict.detail


def test_a_trait_that_tests_need_is_seen_by_them(verifier: Verifier) -> None:
    code = "pub trait E { fn even(&self) -> bool; }\nimpl E for i32 { fn even(&self) -> bool { self % 2 == 0 } }"
    verdict = judged(verifier, task_of(None, "use super::*;\n#[test]\nfn t() { assert!(4.even()); }"), code)
    assert (verdict.reason, verdict.grading) == ("ok", "in_process"), verdict.detail


def test_a_result_of_the_answers_own_name_is_accepted(verifier: Verifier) -> None:
    code = "mod errors { pub type Result<T> = std::result::Result<T, String>; }\nuse errors::Result;\n"
    body = "pub fn part(f: impl Fn(i32) -> bool) -> Result<i32> {"
    tests = "use super::*;\n#[test]\nfn t() { assert!(part(|x| x > 0).is_ok()); }"
    verdict = judged(
        verifier,
        task_of(f"{code}{body}\n", tests),
        f"{code}{body} if f(1) {{ Ok(1) }} else {{ Err(String::new()) }} }}",
    )
    assert (verdict.reason, verdict.grading) == ("ok", "in_process"), verdict.detail


def test_an_operator_under_another_name_does_not_stand_for_a_result(verifier: Verifier) -> None:
    code = (
        f"use std::ops::Not as N;\n{Y}\nimpl N for Y {NOT}\npub fn odd(f: impl Fn(i32) -> i32) -> Y {{ let _ = f; Y }}"
    )
    tests = "use super::*;\n#[test]\nfn t() { assert!(odd(|x| x)); }"
    verdict = judged(verifier, task_of(None, tests), code)
    assert (verdict.reason, verdict.grading) == ("tests_failed", "in_process"), verdict.detail
