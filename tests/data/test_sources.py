from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.data import SourceConfig
from burnish.data.sources import read_sources
from burnish.errors import DataError
from burnish.records import Example

TALK = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


def write(path: Path, *rows: Any) -> Path:
    """Rows as JSON; text as it is."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def read(*paths: Path, bad_rows: int = 0, **source: Any) -> list[Example]:
    sources = [SourceConfig(path=path, **source) for path in paths]
    return read_sources(sources, bad_rows=bad_rows, rejected=paths[0].parent / "rejected.jsonl")


def test_both_forms_become_conversations(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", TALK | {"extra": 1}, "", {"prompt": "Q", "completion": "A\n"})
    first, second = read(path, weight=0.5)
    assert [(turn.role, turn.content) for turn in first.messages] == [("user", "a"), ("assistant", "b")]
    assert [(turn.role, turn.content) for turn in second.messages] == [("user", "Q"), ("assistant", "A\n")]
    assert (first.id, second.id) == (f"{path}:1", f"{path}:3")
    assert (first.weight, second.origin) == (0.5, "a.jsonl:3")
    assert not (tmp_path / "rejected.jsonl").exists()


def test_a_last_line_without_newline_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(TALK).encode() + b"\r\n" + json.dumps(TALK).encode())
    assert len(read(path)) == 2


def test_the_limit_counts_usable_rows_of_each_file(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", "broken", TALK, TALK, TALK, "broken too")
    two = write(tmp_path / "two.jsonl", TALK)
    assert [row.id for row in read(one, two, limit=2, bad_rows=1)] == [f"{one}:2", f"{one}:3", f"{two}:1"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "not JSON: expecting property name"),
        ("[1]", "a JSON list, not an object"),
        ("null", "a JSON NoneType, not an object"),
        ("[" * 100_000, "not JSON that can be read: nested too deeply"),
        ({"question": 1, "answer": 2}, "the row has the fields 'question', 'answer'; wanted are 'messages'"),
        ({}, "the row has the fields none"),
        ({"prompt": "only"}, "the row has the fields 'prompt'"),
        ({"prompt": "Q", "completion": None}, "completion: input should be a valid string"),
        ({"prompt": 3, "completion": "A"}, "prompt: input should be a valid string"),
        ({"prompt": "Q", "completion": " "}, "turn 1 of the role 'assistant' is empty"),
        ({"messages": []}, "'messages' is not a list of turns"),
        ({"messages": "hi"}, "'messages' is not a list of turns"),
        ({"messages": ["hi"]}, "messages.0: input should be"),
        ({"messages": [{"role": "user", "content": "a"}]}, "no turn of the role 'assistant'"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.role: input should be 'system', 'user'"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content: input should be a valid string"),
        ({"messages": [{"role": "user", "content": "a", "tool_calls": []}]}, "messages.0.tool_calls: extra inputs"),
    ],
)
def test_a_row_that_cannot_be_used(tmp_path: Path, row: Any, reason: str) -> None:
    path = write(tmp_path / "a.jsonl", TALK, row, TALK)
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.cause.lower().startswith(f"{path}:2: {reason}".lower())
    assert "data.bad_rows" in caught.value.way_out
    assert [example.id for example in read(path, bad_rows=1)] == [f"{path}:1", f"{path}:3"]
    (recorded,) = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert (recorded["path"], recorded["line"]) == (str(path), 2)
    assert recorded["reason"].lower().startswith(reason.lower())


def test_a_row_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"prompt": "\xff"}\n')
    with pytest.raises(DataError, match=r"a.jsonl:1: not UTF-8 at byte 12"):
        read(path)


def test_the_budget_is_over_all_files(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", "x", TALK)
    two = write(tmp_path / "two.jsonl", TALK, "y", "z")
    with pytest.raises(DataError, match=r"two.jsonl:3: not JSON"):
        read(one, two, bad_rows=2)
    assert len((tmp_path / "rejected.jsonl").read_text().splitlines()) == 3
    assert len(read(one, two, bad_rows=3)) == 2


def test_files_that_are_not_there_or_hold_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match="holds no usable row"):
        read(write(tmp_path / "empty.jsonl", ""))


def test_rows_of_a_public_data_set_with_other_fields(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "gsm8k" / "train.jsonl"
    with pytest.raises(DataError, match=r"train.jsonl:1: the row has the fields 'question', 'answer'; wanted are"):
        read_sources([SourceConfig(path=path)], bad_rows=0, rejected=tmp_path / "rejected.jsonl")
