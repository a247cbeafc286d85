from __future__ import annotations

import pytest

from burnish.syntax.crates import named_crates


@pytest.mark.parametrize(
    ("code", "crates"),
    [
        ("use regex::Regex;", ("regex",)),
        ("fn f() { serde_json::to_string(&1); }", ("serde_json",)),
        ("#[derive(thiserror::Error)]\nstruct E;", ("thiserror",)),
        ("extern crate rand;", ("rand",)),
        ("mod regex {}\nuse regex::f;", ()),
        ("use tokio::time; // regex::Regex", ()),
    ],
)
def test_known_crates_are_found_by_syntax(code: str, crates: tuple[str, ...]) -> None:
    assert named_crates(code, {"regex", "serde_json", "thiserror", "rand"}) == crates
