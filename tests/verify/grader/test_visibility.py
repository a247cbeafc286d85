from __future__ import annotations

import pytest

from burnish.verify.grader.visibility import make_public


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("struct A { x: i32, pub(crate) y: u8 }", "pub struct A { pub x: i32, pub  y: u8 }"),
        ("struct B(i32, pub u8);", "pub struct B(pub i32, pub u8);"),
        ("#[inline]\nasync fn z() {}", "#[inline]\npub async fn z() {}"),
        ("impl A { fn new() {} const X: i32 = 1; }", "impl A { pub fn new() {} pub const X: i32 = 1; }"),
        ("impl T for A { fn q() {} }", "impl T for A { fn q() {} }"),
        ("mod m { fn a() {} }", "pub mod m { pub fn a() {} }"),
        ("enum E { A { x: i32 } }", "pub enum E { A { x: i32 } }"),
        ("const _: () = ();", "const _: () = ();"),
        ("use std::fmt;", "use std::fmt;"),
        ("// é\nfn a() {}", "// é\npub fn a() {}"),
    ],
)
def test_items_become_public(source: str, expected: str) -> None:
    assert make_public(source) == expected


def test_make_public_keeps_lines() -> None:
    source = "\n\nfn a() {}\n\nstruct B {\n    x: i32,\n}\n"
    assert make_public(source).count("\n") == source.count("\n")


def test_visibility_of_every_kind_becomes_public() -> None:
    source = (
        "pub(crate) struct A(pub u8, pub(crate) u16, /* c */ u32);\n"
        "struct B { pub(super) x: u8, /* c */ y: u8 }\n"
        "mod m;\nmod n { fn f() {} }\nconst _: () = ();\ntrait T { fn g(); }\nimpl T for A { fn g() {} type X = u8; }\n"
        "impl A { const C: u8 = 1; type Y = u8; }\n"
    )
    public = make_public(source)
    assert "pub  struct A(pub u8, pub  u16, /* c */ pub u32);" in public
    assert "pub struct B { pub  x: u8, /* c */ pub y: u8 }" in public
    assert "pub mod m;\npub mod n { pub fn f() {} }\nconst _" in public
    assert "impl T for A { fn g() {} type X" in public
    assert "impl A { pub const C: u8 = 1; type Y" in public
