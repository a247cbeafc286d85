from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.syntax.literals import string_literal, string_value


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('"plain"', "plain"),
        (r'"a\"b\\c\n\t\r\0\'"', "a\"b\\c\n\t\r\0'"),
        (r'"\u{e9}\x41\u{1_F600}"', "éA\U0001f600"),
        ('"one \\\n    line"', "one line"),
        ('"two\r\nlines"', "two\nlines"),
        (r'r"a\n"', r"a\n"),
        ('r##"a"#b"##', 'a"#b'),
        ('""', ""),
        ("'c'", None),
        ("$text", None),
    ],
)
def test_a_string_literal_stands_for_its_text(literal: str, value: str | None) -> None:
    assert string_value(literal) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_is_read_back(text: str) -> None:
    assert string_value(string_literal(text)) == text
    assert string_literal(text).isprintable()
