"""Every reason that looks at one row: what it is for, and what only resembles it."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from burnish.config.data.filters import FilterConfig
from burnish.data.filters.base import Filter, RustCode
from burnish.data.filters.build import _MADE, stateless_filter
from burnish.data.filters.rules.files import FILES
from burnish.records import Example, Message

CODE = "/// Adds.\npub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n"
TESTED = CODE + "\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn adds() {}\n}\n"

LEFT_OUT: dict[str, list[tuple[str, str]]] = {
    "vendor_path": [
        ("a/vendor/b/lib.rs", CODE),
        ("target/debug/build/x.rs", CODE),
        ("/a/node_modules/x.rs", CODE),
        ("x\\vendor\\lib.rs", CODE),
        ("__pycache__/x.rs", CODE),
        ("Cargo.lock", CODE),
        ("a/Cargo.lock", CODE),
    ],
    "test_file": [
        ("tests/it.rs", CODE),
        ("a/tests/it.rs", CODE),
        ("/a/test/it.rs", CODE),
        ("src/tests.rs", CODE),
        ("src/parser_test.rs", CODE),
        ("", "#[test]\nfn works() {}\n"),
        ("", "use super::*;\n// all of it\n#[cfg(test)]\nmod a { fn helper() {} }\n#[tokio::test]\nasync fn b() {}\n"),
        ("", "#![cfg(test)]\nfn helper() {}\n"),
        ("", "#[cfg(all(test, unix))]\nmod tests {}\n"),
        ("", "#[test]\n#[should_panic]\nfn works() {}\n"),
    ],
    "example_file": [("examples/a.rs", CODE), ("a/example/b.rs", CODE)],
    "bench_file": [
        ("benches/a.rs", CODE),
        ("a/bench/b.rs", CODE),
        ("src/bench.rs", CODE),
        ("", "use criterion::*;\nfn b(c: &mut Criterion) {}\ncriterion_group!(g, b);\ncriterion_main!(g);\n"),
        ("", "#![feature(test)]\nextern crate test;\n#[bench]\nfn b(b: &mut test::Bencher) {}\n"),
    ],
    "too_short": [("", "x" * 63)],
    "too_long": [("", "x" * 200_001)],
    "not_idiomatic": [
        ("", 'fn main() {\n    println!("hi");\n}\n'),
        ("", "pub fn f() { unsafe { g() } }\n"),
        ("", "pub fn f() {} // TODO: write it\n"),
        ("", "#[allow(dead_code)]\npub fn f() {}\n"),
        ("", "pub fn f() { dbg!(1); }\n"),
        ("", 'fn f() { let s = "pub fn x() -> Option<u8> { #[derive(Debug)] } .map("; }\n'),
        ("", "// impl X for Y, -> Result<()> {\nfn f() {}\n"),
        ("", "fn f(r: Result<u8, u8>, o: Option<u8>) -> u8 { 1 }\n"),
        ("", "fn f(map: u8) -> u8 { map }\n"),
        ("", ""),
    ],
    "no_documentation": [
        ("", "fn f() {}\n"),
        ("", "// plain\n//// banner\n/* plain */ /*** stars ***/ /**/ fn f() {}\n"),
        ("", 'fn f() -> &\'static str { "/// not a comment //! /** */" }\n'),
        ("", "// see http:///a\nfn f() {}\n"),
        ("", "#[doc(hidden)]\nfn f() {}\n"),
    ],
    "low_quality": [
        ("", "fn f() { unsafe { g() } }\n"),
        ("", "fn f() { let v = vec![unsafe { g() }]; }\n"),
        ("", "// todo: mend\nfn f() {}\n"),
        ("", "/* a HACK */ fn f() {}\n"),
        ("", "fn f() { todo!() }\n"),
        ("", 'fn f() { std::unimplemented!("x") }\n'),
        ("", "fn f() { let x = dbg!(1); }\n"),
        ("", "#![allow(warnings)]\nfn f() {}\n"),
    ],
    "does_not_parse": [("", "fn f( {"), ("", "This is prose, isn't it?"), ("", ""), ("", "  \n")],
    "licence": [("", "")],
}

STAYS: dict[str, list[tuple[str, str]]] = {
    "vendor_path": [
        ("", CODE),
        ("src/vendor.rs", CODE),
        ("src/targets/x.rs", CODE),
        ("src/lib.rs", "const LOCK: &str = \"/target/Cargo.lock\";"),
    ],
    "test_file": [
        ("src/lib.rs", TESTED),
        ("src/latest.rs", CODE),
        ("src/contest/a.rs", CODE),
        ("src/testing.rs", CODE),
        ("", "#[cfg(not(test))]\nfn f() {}\n"),
        ("", "macro_rules! m { ($self:ident) => { quote!(#self . #fields) }; }\n"),
        ("", "const URL: &str = \"https://a.b/test/c\"; // see /tests/\n"),
        ("", "// #[test] was here\nfn f() {}\n"),
        ("", "const S: &str = \"#[test] fn f() {}\";\n"),
        ("", "#[derive(Test)]\nstruct S;\n"),
        ("", "#[test]\nfn works() {}\nfn not_a_test() {}\n"),
        ("", "use a::b;\n"),
        ("", "fn a<'test>(x: &'test str) -> &'test str { x }\n"),
    ],
    "example_file": [
        ("src/example.rs", CODE),
        ("src/lib.rs", "// see /examples/\nfn f() {}"),
        ("src/examples_of.rs", CODE),
    ],
    "bench_file": [
        ("src/testbench/a.rs", CODE),
        ("src/lib.rs", "const S: &str = \"/benches/ criterion_main!(x) #[bench]\";\n"),
        ("src/lib.rs", "fn f() {}\n#[cfg(test)]\nmod t {\n    #[bench]\n    fn b(b: &mut Bencher) {}\n}\n"),
        ("src/lib.rs", "fn main() { criterion_main(1) }\n"),
    ],
    "too_short": [("", "x" * 64), ("", "é" * 64)],
    "too_long": [("", "x" * 200_000)],
    "not_idiomatic": [
        ("", "fn f() -> Result<Vec<Vec<u8>>, Box<dyn Error>> { g() }\n"),
        ("", "fn f() -> io::Result<()> where u8: Copy { g() }\n"),
        ("", "trait T { fn f(&self) -> Option<u8>; }\n"),
        ("", "fn f() { x.iter().map(|x| x + 1).collect::<Vec<_>>(); }\n"),
        ("", "fn f() { x.map::<u8, _>(g); }\n"),
        ("", "fn main() { println!(\"{:?}\", x.map(|y| y)); }\n"),
        ("", "#[derive(Debug)]\nstruct S;\n"),
        ("", "impl<T: Copy> fmt::Display for Y<T> {}\n"),
        ("", "pub(crate) const fn f() {}\n"),
        ("", "pub fn f() { println!(\"{}\", \"unsafe { TODO }\"); }\n"),
        ("", "#[derive(Debug)]\npub struct S;\nfn f() { unsafe { g() } }\n"),
        ("", "// don't stop at a quote\npub fn f<'a>(x: &'a str) -> &'a str { x }\n"),
    ],
    "no_documentation": [
        ("", "/// Doc.\nfn f() {}\n"),
        ("", "//! Doc.\nfn f() {}\n"),
        ("", "/** Doc. */\nfn f() {}\n"),
        ("", "/*! Doc. */\nfn f() {}\n"),
        ("", "#[doc = \"Doc.\"]\nfn f() {}\n"),
        ("", "fn g<'a>(x: &'a str) {}\n// don't\nmod m {\n    /// Doc.\n    fn f() {}\n}\n"),
    ],
    "low_quality": [
        ("", "fn main() { println!(\"TODO: unsafe { dbg!(1) } #[allow(x)]\"); }\n"),
        ("", "// nothing left to do; a life hack, mastodon, unsafe\nfn f() {}\n"),
        ("", "fn todo() { hack(1); allow(2); let unsafe_count = 3; }\n"),
        ("", "unsafe fn f() {}\n"),
        ("", "#[deny(warnings)]\nfn f() {}\n"),
        ("", ""),
    ],
    "does_not_parse": [
        ("", CODE),
        ("", "fn f<'a>(x: &'a str) {} // don't\n"),
        ("", "macro_rules! m { () => { #self }; }\n"),
    ],
}  # fmt: skip


def made(kind: str) -> Filter:
    config: FilterConfig = TypeAdapter(FilterConfig).validate_python(kind)
    return stateless_filter(config)


def cases(table: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str, str]]:
    return [(kind, path, text) for kind, rows in table.items() for path, text in rows]


@pytest.mark.parametrize(("kind", "path", "text"), cases(LEFT_OUT))
def test_rows_are_left_out_with_this_reason(kind: str, path: str, text: str) -> None:
    row = Example(id="r", text=text, path=path)
    one = made(kind)
    assert not one.keeps(row, RustCode(row))
    assert isinstance(one.detail(row, RustCode(row)), str)


@pytest.mark.parametrize(("kind", "path", "text"), cases(STAYS))
def test_rows_are_kept(kind: str, path: str, text: str) -> None:
    row = Example(id="r", text=text, path=path)
    assert made(kind).keeps(row, RustCode(row))


def test_every_stateless_filter_is_tested_here() -> None:
    assert set(LEFT_OUT) == {*FILES, *_MADE} - {"contaminated"}
    assert set(STAYS) == set(LEFT_OUT) - {"licence"}


def test_conversations_are_judged_by_the_rust_of_the_last_answer() -> None:
    fenced = Message(role="assistant", content=f"Here:\n```rust\n{CODE}```\nand\n```rust\nfn g() {{}}\n```\n")
    asked = Message(role="user", content="```rust\nfn old() {}\n```")
    assert RustCode(Example(id="r", messages=(asked, fenced))).source == CODE + "\nfn g() {}\n"
    bare = Message(role="assistant", content=CODE)
    assert RustCode(Example(id="r", messages=(asked, bare))).source == CODE
    prose = Message(role="assistant", content="It's done; don't worry.")
    assert RustCode(Example(id="r", messages=(asked, prose))).source == ""
    python = Message(role="assistant", content="```python\nprint(1)\n```")
    assert RustCode(Example(id="r", messages=(asked, python))).source == ""


def test_lengths_of_conversations_go_over_all_turns() -> None:
    turns = (Message(role="user", content="x" * 40), Message(role="assistant", content="y" * 24))
    row = Example(id="r", messages=turns)
    assert made("too_short").keeps(row, RustCode(row))
    row = Example(id="r", messages=turns[1:])
    assert not made("too_short").keeps(row, RustCode(row))
    assert made("too_short").detail(row, RustCode(row)) == "24 characters"


def test_the_ratio_weighs_idiom_against_low_quality() -> None:
    row = Example(id="r", text="pub fn f() { unsafe { g() } }\n")
    for ratio, stays in ((1.0, True), (1.1, False)):
        config: FilterConfig = TypeAdapter(FilterConfig).validate_python({"kind": "not_idiomatic", "ratio": ratio})
        one = stateless_filter(config)
        assert one.keeps(row, RustCode(row)) is stays
    assert one.detail(row, RustCode(row)) == "idiomatic: public_item; low quality: unsafe"


def test_low_quality_lets_through_as_many_families_as_asked() -> None:
    row = Example(id="r", text="fn f() { unsafe { dbg!(1) } }\n")
    for most, stays in ((1, False), (2, True)):
        config: FilterConfig = TypeAdapter(FilterConfig).validate_python({"kind": "low_quality", "most": most})
        assert stateless_filter(config).keeps(row, RustCode(row)) is stays
