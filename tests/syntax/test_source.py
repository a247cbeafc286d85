from __future__ import annotations

import pytest

from burnish.syntax.source import can_be_read, identifiers, is_program, looks_like_code, parse, walk


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


def test_identifiers_leave_macro_names_out() -> None:
    assert identifiers("fn t() { assert_eq!(f(1), vec![g(2)]); }") >= {"f", "g", "t"}
    assert not identifiers("fn t() { assert_eq!(f(1), vec![g(2)]); }") & {"assert_eq", "vec"}


def test_walk_survives_deep_nesting() -> None:
    assert sum(1 for _ in walk(parse("fn a() { " + "(" * 20000 + ")" * 20000 + " }"))) > 20000


def test_many_raw_strings_that_never_end_are_not_looked_through_again_and_again() -> None:
    before = "fn f() {}\n"
    assert parse(before + 'r#"' * 50_000).end_byte < len(before) + 8
    ended = before + 'const A: &str = r#"x"#;\n' * 20
    assert parse(ended).end_byte == len(ended)
    assert not parse(ended).has_error


@pytest.mark.parametrize("piece", [",-", "&>", "=>/**", "#!", ",|", "%*"])
def test_what_a_parser_repairs_by_trying_is_not_read(piece: str) -> None:
    text = piece * (131_072 // len(piece))
    assert not can_be_read(text)
    assert parse(text).has_error
    assert parse(text).end_byte <= 1


@pytest.mark.parametrize(
    "source",
    [
        "fn f() {" + ";" * 200_000 + "}",
        "const A: [u8; 9] = [" + "1," * 100_000 + "];",
        "const A: &[&str] = &[" + '"a",' * 60_000 + "];",
        "fn f() { " + "a < b > c; " * 20_000 + "}",
        "m! { " + ", - " * 60_000 + "}",
    ],
    ids=["statements", "numbers", "strings", "comparisons", "tokens"],
)
def test_a_long_program_is_read(source: str) -> None:
    assert can_be_read(source)
