from __future__ import annotations

import pytest

from burnish.verify.grader.stubs import BODY, stub_program


@pytest.mark.parametrize(
    ("source", "entry_point", "wanted"),
    [
        ("fn f() -> u8 { g() }\nfn g() -> u8 { 1 }", "f", f"fn f() -> u8 {BODY}\nfn g() -> u8 {{ 1 }}"),
        ("fn f() { fn f() {} }", "f", f"fn f() {BODY}"),
        ("impl S { fn a(&self) { 1 } }\nfn main() { 2 }", None, f"impl S {{ fn a(&self) {BODY} }}\nfn main() {{ 2 }}"),
        ("fn main() { 2 }", "main", f"fn main() {BODY}"),
        ("trait T { fn a(&self); }", None, None),
        ("fn g() {}", "f", None),
    ],
)
def test_bodies_are_emptied_and_the_rest_stays(source: str, entry_point: str | None, wanted: str | None) -> None:
    assert stub_program(source, entry_point) == wanted
