"""Pieces concatenate to the text, fit, and begin where items, statements or lines begin."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from burnish.data.encode.chunking import chunk_source

SOURCE = """\
//! A crate.
use std::fmt;

/// Counts.
#[derive(Debug)]
struct Counter {
    count: u64, // of all
}

impl Counter {
    /// One more.
    fn add(&mut self) {
        self.count += 1; // wraps never
        // what it is now
        println!("{}", self.count);
    }

    fn reset(&mut self) {
        self.count = 0;
    }
}

fn main() { let mut c = Counter { count: 0 }; c.add(); c.reset(); }
"""


def chunks(text: str, longest: int) -> list[str]:
    return chunk_source(text, lambda piece: len(piece) <= longest)


FRAGMENTS = st.sampled_from(
    ["fn f() {", "}", "\n", "    ", "let x = 1;", "// über ☃ note", "/* a", "*/", "#[test]", '"text', "'", "impl A {",
     "match x {", "1 => 2,", "😀", "struct S;", "\r\n", "prose words", "\u2028", "\x0c"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=40).map("".join) | st.text(max_size=80), st.integers(1, 60))
@example(SOURCE, 1)
@example("{" * 3000, 100)
def test_pieces_concatenate_to_the_text_and_fit(text: str, longest: int) -> None:
    pieces = chunks(text, longest)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= longest for piece in pieces)


@given(st.lists(st.text("ab ", max_size=9).map(lambda line: line + "\n"), max_size=20), st.integers(10, 60))
def test_lines_that_fit_are_never_cut_inside(lines: list[str], longest: int) -> None:
    assert all(piece.endswith("\n") for piece in chunks("".join(lines), longest))


def test_text_that_fits_is_one_piece_and_empty_text_is_none() -> None:
    assert chunks(SOURCE, len(SOURCE)) == [SOURCE]
    assert chunks("", 5) == []


def test_items_come_first_with_what_stands_above_them() -> None:
    assert [piece.splitlines()[0] for piece in chunks(SOURCE, 330)] == [
        "//! A crate.",
        "fn main() {" + SOURCE.split("fn main() {")[1].rstrip(),
    ]
    pieces = chunks(SOURCE, 225)
    assert [piece.splitlines()[0] for piece in pieces] == [
        "//! A crate.",
        "impl Counter {",
        "fn main() { let mut c = Counter { count: 0 }; c.add(); c.reset(); }",
    ]


def test_an_item_that_does_not_fit_is_cut_between_its_statements() -> None:
    pieces = chunks(SOURCE, 80)
    assert "        self.count += 1; // wraps never\n" in pieces
    assert '        // what it is now\n        println!("{}", self.count);\n    }\n\n' in pieces


def test_statements_on_one_line_are_cut_between_before_any_is_cut_inside() -> None:
    assert chunks("fn main() { first(); second(); third(); }\n", 22) == [
        "fn main() { first(); ",
        "second(); third(); }\n",
    ]


def test_prose_is_cut_between_lines() -> None:
    assert chunks("one line\nanother line\nlast", 22) == ["one line\nanother line\n", "last"]


def test_a_line_that_does_not_fit_is_cut_inside_and_a_character_is_not() -> None:
    assert chunks("abcdefgh\nx\n", 3) == ["abc", "def", "gh\n", "x\n"]
    assert chunk_source("☃☃", lambda piece: len(piece.encode()) <= 2) == ["☃", "☃"]


def test_text_that_is_asked_about_in_tokens_that_merge_over_cuts_still_fits() -> None:
    def fits(piece: str) -> bool:
        return len(piece.replace("ab", "c")) <= 4  # a longer piece may have fewer tokens

    pieces = chunk_source("abababab\n" * 3 + "xyab\n", fits)
    assert "".join(pieces) == "abababab\n" * 3 + "xyab\n"
    assert all(map(fits, pieces))
