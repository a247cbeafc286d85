"""Debug text and literals as Rust writes them."""

from __future__ import annotations

import pytest

from burnish.data.rust_tasks.values import Char, Err, Ok, Some, Value, argument, debug_text, remainder


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-3, "-3"),
        (True, "true"),
        ('a"b\\', '"a\\"b\\\\"'),
        ("it's", '"it\'s"'),
        (Char("'"), "'\\''"),
        (Char('"'), "'\"'"),
        ([1, 2], "[1, 2]"),
        ([], "[]"),
        (None, "None"),
        (Some(Char("x")), "Some('x')"),
        (Ok(-1), "Ok(-1)"),
        (Err("bad"), 'Err("bad")'),
        (["a", "b"], '["a", "b"]'),
    ],
)
def test_debug_text_is_what_rust_prints(value: Value, text: str) -> None:
    assert debug_text(value) == text


def test_text_that_rust_would_escape_is_refused() -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        debug_text("tab\t")


def test_a_list_is_borrowed_and_a_number_is_not() -> None:
    assert argument([1]) == "&[1]"
    assert argument(1) == "1"


@pytest.mark.parametrize(("a", "b", "expected"), [(7, 3, 1), (-7, 3, -1), (7, -3, 1), (-7, -3, -1), (0, 5, 0)])
def test_remainder_follows_the_sign_of_the_dividend(a: int, b: int, expected: int) -> None:
    assert remainder(a, b) == expected
