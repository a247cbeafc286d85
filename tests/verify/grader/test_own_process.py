# ruff: noqa: E501
"""Tests in Rust that share a process with the answer: what an answer may not do there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier
from burnish.verify.grader import one_crate
from burnish.verify.grader.own_process import beyond_safe_rust, equals_foreign_values
from tests.verify.separate.asking import judged, task_of

PROMPT = "pub fn apply(f: impl Fn(i32) -> i32, x: i32) -> i32 {\n"
TESTS = "use super::*;\n#[test]\nfn t() { assert_eq!(apply(|x| x + 1, 4), 5); }\n#[test]\nfn u() { assert_eq!(apply(|x| x * 9, 9), 81); }"


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as one:
        yield one


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("fn f() { unsafe { } }", "unsafe"),
        ("unsafe impl Send for S {}", "unsafe"),
        ('#[unsafe(naked)] extern "C" fn f() { core::arch::naked_asm!("ret") }', "unsafe"),
        ('#[naked]\nextern "C" fn f() {}', "naked"),
        ("#[no_mangle] pub fn f() {}", "no_mangle"),
        ("#[r#no_mangle] pub fn f() {}", "no_mangle"),
        ('#[cfg_attr(all(), export_name = "f")] pub fn f() {}', "export_name"),
        ('#[link_section = ".init_array"] static F: fn() = f;', "link_section"),
        ('#[link(name = "m")] mod m {}', "link"),
        ("#[used] static F: fn() = f;", "used"),
        ("#[global_allocator] static A: B = B;", "global_allocator"),
        ('extern "C" { fn abort(); }', "extern block"),
        ('std::arch::global_asm!("ret");', "global_asm"),
        ("use std::arch::asm as a;", "asm"),
        ('macro_rules! m { () => { core::arch::asm!("") } }', "asm"),
        ("macro_rules! m { ($k:tt) => { $k {} } } fn f() { m!(unsafe) }", "unsafe"),
        ("macro_rules! m { ($a:meta) => { #[$a] pub fn f() {} } } m!(used);", "used"),
        ('macro_rules! m { ($($a:tt)*) => { #[$($a)*] pub fn f() {} } } m!(link_section = ".x");', "link_section"),
        ('macro_rules! m { () => { #[link(name = "m")] mod m {} } }', "link"),
        ("extern crate self as std;", "extern crate"),
        ("extern crate self as r#core;", "extern crate"),
        ("macro_rules! m { ($n:ident) => { extern crate self as $n; } } m!(std);", "extern crate"),
        ("fn f( { unsafe", "unsafe"),
    ],
)
def test_what_reaches_outside_safe_rust_is_named(code: str, word: str) -> None:
    assert beyond_safe_rust(code) == word


@pytest.mark.parametrize(
    "code",
    [
        '// unsafe no_mangle asm!\nfn f() -> &\'static str { "unsafe asm! #[no_mangle]" }',
        "struct Node { link: Option<Box<Node>>, used: bool }\nfn f(n: &Node) -> bool { n.used && n.link.is_none() }",
        "fn naked(link: i32) -> i32 { let asm = link; asm }",
        "macro_rules! m { ($(#[$a:meta])* $n:ident) => { $(#[$a])* fn $n() {} } } m!(#[inline] f);",
        'pub extern "C" fn f() {}\nextern crate std as s;',
    ],
)
def test_ordinary_code_reaches_nowhere(code: str) -> None:
    assert beyond_safe_rust(code) == ""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("impl PartialEq<i64> for E { fn eq(&self, _: &i64) -> bool { true } }", "E"),
        ("impl<T> std::cmp::PartialEq<T> for E { fn eq(&self, _: &T) -> bool { true } }", "E"),
        ("impl PartialOrd<i64> for E { }", "E"),
        ("use std::cmp::PartialEq as P; impl P<i64> for E { }", "E"),
        ("macro_rules! m { () => { impl PartialEq<i64> for E { } } }", "E"),
        ("impl r#PartialEq<i32> for E {}", "E"),
        ("impl std::cmp:: /* */ PartialEq<i32> for r#E {}", "E"),
        ("use std::cmp::PartialEq as P; use P as r#Q; impl r#Q<i64> for E { }", "E"),
        ("impl<T> PartialEq<T> for E<T> { }", "E"),
        ("impl PartialEq<E> for i32 { }", "i32"),
        ("macro_rules! m { ($t:ty) => { impl $t for E { } } } m!(PartialEq<i64>);", "a macro"),
        ("macro_rules! m { ($t:ident) => { impl $t<i64> for E { } } } m!(PartialEq);", "a macro"),
        ("macro_rules! m { ($($t:tt)*) => { impl $($t)* { } } } m!(PartialEq<i64> for E);", "a macro"),
        ("macro_rules! m { ($k:ty) => { impl<T> PartialEq<T> for $k { } } } m!(E);", "a macro"),
        ("macro_rules! m { ($k:ty) => { impl PartialEq for $k { } impl PartialEq<$k> for $k { } } }", ""),
        ("macro_rules! m { ($n:ident) => { #[derive(PartialEq)] struct $n; impl $n { } } }", ""),
        ("impl PartialEq</**/ r#E> for E { fn eq(&self, o: &E) -> bool { self.0 == o.0 } }", ""),
        ("fn f(x: @) {} impl PartialEq<i32> for E {}", "E"),
        ("impl PartialEq for E { fn eq(&self, o: &E) -> bool { self.0 == o.0 } }", ""),
        ("impl PartialEq<E> for E { fn eq(&self, o: &E) -> bool { self.0 == o.0 } }", ""),
        ("#[derive(PartialEq)] struct E; fn f<T: PartialEq<i64>>(x: T) {}", ""),
    ],
)
def test_a_type_that_says_what_it_equals_is_named(code: str, kind: str) -> None:
    assert equals_foreign_values(code, None, "fn f() {}") == kind
    assert equals_foreign_values(code, "impl PartialEq<u8> for F {}") == ""


ATTACKS = {
    "the program started again": (
        'pub fn apply(f: impl Fn(i32) -> i32, x: i32) -> i32 { let _ = std::process::Command::new("/box/program").status(); f(x) }',
        "blocked",
    ),
    "another program": (
        'pub fn apply(f: impl Fn(i32) -> i32, x: i32) -> i32 { let _ = std::process::Command::new("/nothing").status(); f(x) }',
        "blocked",
    ),
    "naked assembly": (
        '#[unsafe(naked)]\nextern "C" fn n() { core::arch::naked_asm!("ret") }\npub fn apply(f: impl Fn(i32) -> i32, x: i32) -> i32 { n(); f(x) }',
        "blocked",
    ),
    "the file of the program": (
        'pub fn apply(f: impl Fn(i32) -> i32, x: i32) -> i32 { if std::path::Path::new("/box/program").exists() { f(x) } else { 0 } }',
        "tests_failed",
    ),
    "a standard crate of its own": (
        "extern crate self as std;\npub fn apply(_: impl Fn(i32) -> i32, _: i32) -> i32 { 0 }",
        "blocked",
    ),
    "macros under the names of the tests'": (
        "macro_rules! assert_eq { ($($t:tt)*) => {} }\npub fn apply(_: impl Fn(i32) -> i32, _: i32) -> i32 { 0 }",
        "tests_failed",
    ),
    "exported macros under the names of the tests'": (
        "#[macro_export] macro_rules! assert_eq { ($($t:tt)*) => {} }\npub fn apply(_: impl Fn(i32) -> i32, _: i32) -> i32 { 0 }",
        "tests_failed",
    ),
    "an imported macro under a name of the tests'": (
        "macro_rules! no { ($($t:tt)*) => {} }\nuse no as assert_eq;\npub fn apply(_: impl Fn(i32) -> i32, _: i32) -> i32 { 0 }",
        "tests_failed",
    ),
    "exit(0)": ("pub fn apply(_: impl Fn(i32) -> i32, _: i32) -> i32 { std::process::exit(0) }", "tests_failed"),
    "a type that equals everything": (
        "#[derive(Debug)] pub struct Y; impl PartialEq<i32> for Y { fn eq(&self, _: &i32) -> bool { true } }\npub fn apply(_: impl Fn(i32) -> i32, _: i32) -> Y { Y }",
        "tests_failed",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_in_the_answers_own_process(verifier: Verifier, name: str) -> None:
    code, reason = ATTACKS[name]
    verdict = judged(verifier, task_of(PROMPT, TESTS), code)
    assert (verdict.reason, verdict.grading) == (reason, "in_process"), verdict.detail


def test_an_honest_answer_passes_there_with_threads(verifier: Verifier) -> None:
    code = "pub fn apply(f: impl Fn(i32) -> i32, x: i32) -> i32 { f(std::thread::spawn(move || x).join().unwrap()) }"
    verdict = judged(verifier, task_of(PROMPT, TESTS), code)
    assert (verdict.reason, verdict.grading, verdict.tests.passed) == ("ok", "in_process", 2), verdict.detail


@pytest.mark.parametrize("name", ["another program", "the file of the program"])
def test_without_confinement_it_would_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_crate, "confinement", lambda: "mod confinement { pub fn confine() {} }")
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as without:
        assert judged(without, task_of(PROMPT, TESTS), ATTACKS[name][0]).reason == "ok"
