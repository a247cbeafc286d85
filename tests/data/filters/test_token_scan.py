"""What a glance sees is what the tree says, whatever stands around it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.data.filters.idiom_signs import most_low_quality, read_signs
from burnish.data.filters.rules.files import all_items_marked
from burnish.data.filters.token_scan import Glance, begins_unmarked
from burnish.syntax.source import parse
from burnish.syntax.survey import is_test_attribute

MARKS = re.compile(r"#!?\s*\[[^\]]*\btest\b")
PIECES = (
    "pub fn f() {}", "fn f() {}", "/// doc\n", "//// no doc\n", "//! doc\n", "// plain \"\n", "/* pub fn f() {} */",
    "/** doc */", "#[derive(Debug)]\nstruct S;", "#[cfg(test)]\nmod t { fn g() {} }", "#[test]\nfn t() {}",
    "fn s() { let s = \"pub fn f() {} /// doc\"; }", "fn s() { let s = r#\"pub fn \" f() {} \"#; }",
    "fn c() { let c = '\"'; let d = '\\''; let e = '/'; }", "fn l<'a>(x: &'a str) -> &'a str { x }",
    "macro_rules! m { () => { pub fn f() {} }; }", "m! { pub fn f() {} #[derive(X)] x.map(y) }",
    "fn p() { println!(\"{}\", x.map(y)); }", "fn p() { x.map(|y| y).unwrap_or(1); }", "extern \"C\" { pub fn f(); }",
    "use a::{b, c};", "fn n() { if !(a && b) {} }", "pub(crate) const fn f() {}", "fn m() { let map = x.map; }",
    "#![allow(dead_code)]", "impl A for B { fn f() {} }", "const A: &[u8] = b\"/// x\";", "pub use a::b;",
    "pub struct S;", "fn o(f: fn() -> Option<u8>) {}",
    "fn o<T>(x: T) -> io::Result<T> { let y = |x| -> Option<u8> { x }; y }",
    "fn o() -> Option<u8> { None }", "fn v() -> Vec<Result<u8, u8>> { g() }", "impl<T> fmt::Display for Y<T> {}",
    "fn g<F: for<'a> Fn(&'a u8)>(f: F) -> impl Fn() { || () }", "fn p() { assert!(a(1), \"{}\", 2); x.map(y) }",
    "fn h() { m!(pub fn f() -> Option<u8> { g(impl A for B) }); }", "fn h() { m!(pub fn f(), impl A for B, x.map()) }",
    "fn b() { let b = b'\"'; }", "#[doc = \"pub fn f() {}\"]\nfn d() {}", "macro m() { pub fn f() {} }",
    "// TODO: all", "fn u() { unsafe /* c */ { g() } }", "fn w() { m!(unsafe { g() }); }", "unsafe fn u() {}",
    "fn d() { dbg!(1); todo!() }", "#[allow(x)]\nfn a() {}", "fn t() { todo !(); }", "/* fixme: it */",
)  # fmt: skip


def agrees(source: str) -> None:
    root = parse(source)
    if root.has_error:
        return
    signs = read_signs(root)
    for families in range(4):
        assert not Glance(source).shows(families) or len(signs.idiomatic) >= families, source
    assert not Glance(source).is_documented() or signs.documented, source
    assert most_low_quality(source) >= len(signs.low_quality), source
    both = Glance(source)
    assert (both.shows(1), both.is_documented()) == (Glance(source).shows(1), Glance(source).is_documented())
    assert not begins_unmarked(source, MARKS) or not all_items_marked(root, is_test_attribute), source


@given(st.lists(st.sampled_from(PIECES), max_size=6), st.sampled_from(["\n", "\n\n", " "]))
def test_the_token_scan_agrees_with_the_parser_on_composed_sources(pieces: list[str], between: str) -> None:
    agrees(between.join(pieces))


def test_the_token_scan_agrees_with_the_parser_on_public_sources(shared: Path) -> None:
    texts = [json.loads(line)["text"] for line in (shared / "data" / "rust_corpus" / "sources.jsonl").open()]
    for text in texts:
        agrees(text)
    assert sum(Glance(text).shows(1) for text in texts) > len(texts) / 4


@pytest.mark.parametrize("source", ["/// Doc.\npub fn f() {}", 'use a;\n\n// "\n/// Doc.\nfn f() { x.map(y) }'])
def test_the_token_scan_sees_what_is_near_the_top(source: str) -> None:
    assert Glance(source).shows(1)
    assert Glance(source).is_documented()
    assert begins_unmarked(source, MARKS)
