"""Documented functions of Rust files become conversations, whatever else the files hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.config.data.training_data import FunctionsSource
from burnish.data.sources.functions import functions_of
from burnish.data.sources.raw import RawRow
from burnish.data.sources.reading import BadRows, stream

DOUBLE = "/// Doubles.\npub fn double(n: u8) -> u8 {\n    let m = n;\n    m * 2\n}\n"


def rows(source: str) -> list[RawRow]:
    return list(functions_of(RawRow("a.rs", "", {"text": source})))


def test_documentation_and_signature_are_asked_and_the_function_is_answered() -> None:
    (row,) = rows(DOUBLE)
    assert row.data == {
        "prompt": "Write this Rust function.\n\n```rust\n/// Doubles.\npub fn double(n: u8) -> u8\n```",
        "completion": DOUBLE.rstrip("\n"),
    }
    assert row.place == "2"


@pytest.mark.parametrize(
    "source",
    [
        "/// Doubles.\n#[inline]\n#[must_use]\n" + DOUBLE.split("\n", 1)[1],
        "/// Doubles.\n\n// A remark.\n" + DOUBLE.split("\n", 1)[1],
        "//! A file.\n\nuse std::fmt;\n" + DOUBLE,
        DOUBLE.replace("\n", "\r\n"),
        "mod inner {\n" + "".join(f"    {line}\n" for line in DOUBLE.splitlines()) + "}\n",
        DOUBLE + "fn broken( {\n",
    ],
    ids=["attributes", "a remark between", "a file's own documentation", "CRLF", "in a module", "broken code behind"],
)
def test_what_stands_around_a_function_changes_nothing(source: str) -> None:
    data = rows(source)[0].data
    assert isinstance(data, dict)
    assert data["completion"].replace("\r", "") == DOUBLE.rstrip("\n")


@pytest.mark.parametrize(
    "source",
    [
        DOUBLE.split("\n", 1)[1],
        DOUBLE.replace("///", "////"),
        DOUBLE.replace("///", "//"),
        DOUBLE.replace("pub fn", "pub unsafe fn"),
        DOUBLE.replace("pub fn", 'pub extern "C" fn'),
        "/// Doubles.\nfn double(n: u8) -> u8 { n * 2 }\n",
        "#[cfg(test)]\nmod tests {\n" + DOUBLE + "}\n",
        "#[test]\n" + DOUBLE,
        "struct S;\nimpl S {\n" + DOUBLE + "}\n",
        "/// Lost.\nuse std::fmt;\n" + DOUBLE.split("\n", 1)[1],
        "",
    ],
    ids=["no documentation", "four slashes", "a remark", "unsafe", "extern", "one line", "tests", "a test", "a method",
         "documentation of another item", "empty"],
)  # fmt: skip
def test_other_functions_are_left_out(source: str) -> None:
    assert rows(source) == []


def test_a_folder_of_crates_gives_conversations_with_licence_and_place(tmp_path: Path) -> None:
    crate = tmp_path / "small-1.0.0"
    crate.mkdir()
    (crate / "Cargo.toml").write_text('[package]\nname = "small"\nlicense = "MIT"\n')
    (crate / "lib.rs").write_text(DOUBLE + "\n" + DOUBLE.replace("double", "twice"))
    source = FunctionsSource(path=tmp_path)
    examples = [example for _, example in stream(source, "functions", BadRows(0))]
    assert [(example.licence, example.path, example.id[-8:]) for example in examples] == [
        ("MIT", "small-1.0.0/lib.rs", "lib.rs:2"),
        ("MIT", "small-1.0.0/lib.rs", "lib.rs:8"),
    ]
    assert [message.role for message in examples[0].messages or ()] == ["user", "assistant"]
    assert [example.id[-8:] for _, example in stream(source, "functions", BadRows(0), start=1)] == ["lib.rs:8"]
