from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.syntax.fences import fenced_blocks, language_of


@given(
    st.lists(
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters="`~")),
        max_size=4,
    )
)
def test_fenced_text_comes_back(texts: list[str]) -> None:
    written = "".join(f"words\n```rust\n{text}\n```\n" for text in texts)
    assert [(block.label, block.text) for block in fenced_blocks(written)] == [("rust", f"{text}\n") for text in texts]


@pytest.mark.parametrize(
    ("label", "language"),
    [
        ("", ""),
        ("rust", "rust"),
        ("Rust", "rust"),
        ("rs", "rust"),
        ("rust:src/main.rs", "rust"),
        ("rust;main", "rust"),
        ("rust,ignore", "rust"),
        ("rust{1,3}", "rust"),
        ("{.rust .numberLines}", "rust"),
        ("{rust, echo=TRUE}", "rust"),
        ('rs title="src/lib.rs"', "rust"),
        ("rust // lib.rs", "rust"),
        ("rust2021", "rust"),
        ("language-rust", "rust"),
        ("src/main.rs", "rust"),
        ("// src/main.rs", "rust"),
        ('title="main.rs"', "rust"),
        ("ignore", "rust"),
        ("edition2021", "rust"),
        ("Cargo.toml", "toml"),
        ("toml Cargo.toml", "toml"),
        ("bash rustc main.rs", "bash"),
        ("python", "python"),
        ("text", "text"),
    ],
)
def test_info_strings_name_a_language(label: str, language: str) -> None:
    assert language_of(label) == language


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("- ```rust\n  fn a() {\n      1\n  }\n  ```\n", ["fn a() {\n    1\n}\n"]),
        ("1. Do:\n\n    ```rust\n    a\n      b\n    ```\n", ["a\n  b\n"]),
        ("\t```rust\n\ta\n\t```\n", ["a\n"]),
        ("> ```rust\n> a\n>  b\n> ```\nc", ["a\n b\n"]),
        ("```rust\na\n```<|im_end|>\n", ["a\n"]),
        ("```rust\na\n``` </answer>\n", ["a\n"]),
        ("```rust\na\n```[/INST]\nb\n", ["a\n"]),
        ("```rust\na\n```rust\nb\n```\n", ["a\n", "b\n"]),
        ("````rust\n```\na\n```\n````\n", ["```\na\n```\n"]),
        ("````markdown\nHere:\n```rust\na\n```\n````\n", ["a\n"]),
        ("`````\n```rust\na\n```\n`````\n", ["a\n"]),
        ("```rust\r\na\r\n```\r\nb", ["a\r\n"]),
        ("~~~rust\n```\n~~~\n", ["```\n"]),
        ("```a``` and\n```rust\nb\n```", ["b\n"]),
        ("```rust\n        ```\n```\n", ["        ```\n"]),
        ("```rust\na", ["a"]),
        ("no fence ``` here", []),
    ],
)
def test_fences_as_models_write_them(text: str, blocks: list[str]) -> None:
    found = fenced_blocks(text)
    assert [block.text for block in found] == blocks
    assert all(text[block.start : block.end].lstrip(" \t>-1.").startswith(("`", "~")) for block in found)
