"""Names, literals, comments, imports and layout do not matter; everything else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.syntax.normalise import (
    code_tokens,
    is_prose,
    message_tokens,
    normalised_tokens,
    word_tokens,
)
from burnish.syntax.source import parse

SOURCE = """
use std::collections::HashMap;

/// Counts words.
pub fn count<'a>(text: &'a str, least: usize) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.split(' ') {
        *counts.entry(word.to_string()).or_insert(0) += 1;
    }
    counts.retain(|_, n| *n >= least && *n < 100);
    println!("{} words", counts.len());
    counts
}
"""
COPY = """
// made shorter
pub fn tally<'t>(line: &'t str, floor: usize) -> HashMap<String, usize> {
    let mut table = HashMap::new(); /* here */
    for item in line.split('-') { *table.entry(item.to_string()).or_insert(7) += 2; }
    table.retain(|_, k| *k >= floor && *k < 0x20);
    println!("{} ITEMS", table.len());
    table
}
"""


def test_a_renamed_copy_with_other_literals_has_the_same_tokens() -> None:
    assert normalised_tokens(SOURCE) == normalised_tokens(COPY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("split", "rsplit"),
        (">=", "<="),
        ("usize", "u64"),
        ("HashMap", "BTreeMap"),
        ("or_insert(0)", "or_default()"),
        ("&& *n < 100", ""),
        ("println!", "eprintln!"),
    ],
)
def test_another_library_name_operator_or_type_is_another_token(old: str, new: str) -> None:
    assert old in SOURCE
    assert normalised_tokens(SOURCE) != normalised_tokens(SOURCE.replace(old, new))


@pytest.mark.parametrize(
    ("source", "tokens"),
    [
        ("struct P { x: f64 }", ["struct", "name", "{", "name", ":", "f64", "}"]),
        ("fn f(Some(x): Option<u8>) {}", ["fn", "name", "(", "Some", "(", "name", ")", ":", "Option", "<", "u8", ">",
                                          ")", "{", "}"]),
        ("const A: &str = \"\";", ["const", "name", ":", "&", "str", "=", "text", ";"]),
        ("const A: &str = r#\"a\"b\"#;", ["const", "name", ":", "&", "str", "=", "text", ";"]),
        ("const A: char = '\\n';", ["const", "name", ":", "char", "=", "character", ";"]),
        ("const A: f64 = 1e3;", ["const", "name", ":", "f64", "=", "number", ";"]),
    ],
)  # fmt: skip
def test_source_becomes_these_tokens(source: str, tokens: list[str]) -> None:
    assert normalised_tokens(source) == tokens


def test_a_method_is_another_name_than_a_variable() -> None:
    one = "fn f(v: &[u8]) -> u8 { let sum = v.iter().max(); std::cmp::max(sum, sum) }"
    assert normalised_tokens(one) == normalised_tokens(one.replace("sum", "max"))
    assert ".max" in "".join(normalised_tokens(one.replace("sum", "max")))
    method = "struct S; impl S { fn max(&self) {} fn f(&self) { self.max() } }"
    assert ".max" not in "".join(normalised_tokens(method))


def test_values_keep_literals_and_no_names() -> None:
    one, other = (code_tokens(parse(f'fn t() {{ assert_eq!({name}("number", 1, number), [1.5]) }}')) for name in "fg")
    assert one.values == other.values
    assert one.normalised != other.normalised
    assert one.values[10:15] == ['text "number"', ",", "number 1", ",", "name"]
    assert [value for value, literal in zip(one.values, one.is_literal, strict=True) if literal] == [
        'text "number"',
        "number 1",
        "number 1.5",
    ]
    assert len(one.normalised) == len(one.values)


def test_prose_becomes_words_and_code_does_not() -> None:
    prose = "Don't return 3 values, please: it isn't needed."
    assert normalised_tokens(prose) == ["don", "t", "return", "3", "values", "please", "it", "isn", "t", "needed"]
    assert not is_prose(parse("fn broken( { let x = ; "))


def test_a_turn_is_its_words_and_its_fenced_code() -> None:
    turn = "Here it IS:\n```rust\nfn add(a: i32) -> i32 { a + 1 }\n```\nBye."
    assert message_tokens(turn)[:4] == ["here", "it", "is", "rust"]
    assert message_tokens(turn) == message_tokens(turn.replace("add(a", "sum(b").replace("a + 1", "b + 2"))
    assert message_tokens(turn) != message_tokens(turn.replace("a + 1", "a - 1"))


def test_deep_nesting_needs_no_recursion() -> None:
    depth = 20_000
    assert len(normalised_tokens("fn f() { " + "(" * depth + "1" + ")" * depth + " }")) == 2 * depth + 7


@given(st.text(max_size=200))
def test_any_text_has_tokens_of_text_only(text: str) -> None:
    assert all(token and not token.isspace() for token in normalised_tokens(text))
    assert all(word == word.casefold() for word in word_tokens(text))
