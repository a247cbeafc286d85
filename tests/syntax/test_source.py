from __future__ import annotations

import pytest

from burnish.syntax.source import has_main, identifiers, is_program, looks_like_code, parse, walk


@pytest.mark.parametrize(
    ("source", "program", "code"),
    [
        ("fn a() {}", True, True),
        ("#![allow(unused)]\n// words\nmacro_rules! m { () => {} }", True, True),
        ("let x = 1;", False, False),
        ("fn a( {", False, True),
        ("the fn of it", False, False),
        ("", False, False),
    ],
)
def test_programs_are_told_from_prose(source: str, program: bool, code: bool) -> None:
    root = parse(source)
    assert is_program(root) is program
    if code:
        assert looks_like_code(root)
    elif not program and "fn" not in source:
        assert not looks_like_code(root)


def test_has_main_looks_at_the_top_level_alone() -> None:
    assert has_main("fn main() {}")
    assert not has_main("mod m { fn main() {} }")
    assert not has_main("// fn main() {}")


def test_identifiers_leave_macro_names_out() -> None:
    assert identifiers("fn t() { assert_eq!(f(1), vec![g(2)]); }") >= {"f", "g", "t"}
    assert not identifiers("fn t() { assert_eq!(f(1), vec![g(2)]); }") & {"assert_eq", "vec"}


def test_walk_survives_deep_nesting() -> None:
    assert sum(1 for _ in walk(parse("fn a() { " + "(" * 20000 + ")" * 20000 + " }"))) > 20000
