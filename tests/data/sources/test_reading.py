from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.data.training_data import (
    CratesSource,
    DataConfig,
    JsonlSource,
    JsonSource,
    ParquetSource,
    SourceConfig,
    TextSource,
)
from burnish.data.sources.reading import BadRows, check_sources, read_sources, source_files, stream
from burnish.errors import DataError
from burnish.records import Example

TALK = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


def write(path: Path, *rows: Any) -> Path:
    """Rows as JSON; text as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def read(*paths: Path, bad_rows: int = 0, **source: Any) -> list[Example]:
    sources = [JsonlSource(path=path, **source) for path in paths]
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
        (
            {"query": 1, "reply": 2},
            "the row has the fields 'query', 'reply'; wanted are messages or conversations, prompt",
        ),
        ({}, "the row has the fields none"),
        ({"prompt": "only"}, "the row has the fields 'prompt'"),
        ({"prompt": "Q", "completion": None}, "completion: input should be a valid string"),
        ({"prompt": 3, "completion": "A"}, "prompt: input should be a valid string"),
        ({"prompt": "Q", "completion": " "}, "turn 1 of the role 'assistant' is empty"),
        ({"messages": []}, "'messages' is not a list of turns"),
        ({"messages": "hi"}, "'messages' is not a list of turns"),
        ({"messages": ["hi"]}, "messages.0: input should be"),
        ({"messages": [{"role": "user", "content": "a"}]}, "no turn of the role 'assistant'"),
        ({"messages": [{"role": "critic", "content": "a"}]}, "messages.0.role: input should be 'system', 'user'"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content: input should be a valid string"),
        ({"messages": [{"role": "user", "content": "a", "tool_calls": []}]}, "messages.0.tool_calls: extra inputs"),
    ],
)
def test_an_unusable_row_is_named_with_its_line(tmp_path: Path, row: Any, reason: str) -> None:
    path = write(tmp_path / "a.jsonl", TALK, row, TALK)
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.cause.lower().startswith(f"{path}:2: {reason}".lower())
    assert "(in a recipe data.bad_rows)" in caught.value.way_out
    assert [example.id for example in read(path, bad_rows=1)] == [f"{path}:1", f"{path}:3"]
    (recorded,) = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert (recorded["path"], recorded["line"]) == (str(path), 2)
    assert recorded["reason"].lower().startswith(reason.lower())


def test_a_row_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
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


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match="has no usable row"):
        read(write(tmp_path / "empty.jsonl", ""))


def test_a_missing_file_names_the_one_that_was_meant(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", TALK)
    with pytest.raises(DataError) as caught:
        read(tmp_path / "trian.jsonl")
    assert caught.value.way_out == f"Did you mean {tmp_path / 'train.jsonl'}?"
    with pytest.raises(DataError, match=r"no file matches .*\*\.json"):
        read(tmp_path / "*.json")
    with pytest.raises(DataError, match="does not exist either"):
        read(tmp_path / "none" / "train.jsonl")


def test_rows_of_a_public_data_set_are_read(shared: Path, tmp_path: Path) -> None:
    source = JsonlSource(path=shared / "data" / "gsm8k" / "train.jsonl", limit=20)
    rows = read_sources([source], bad_rows=0, rejected=tmp_path / "rejected.jsonl")
    assert [turn.role for turn in rows[0].messages] == ["user", "assistant"]
    assert len(rows) == 20


def every_kind(folder: Path) -> list[SourceConfig]:
    """One source of each local kind, each over two files, with a bad row where the format can have one."""
    import pyarrow as arrow
    from pyarrow import parquet

    for name in ("a", "b"):
        write(folder / f"{name}.jsonl", {"text": f"1{name}"}, "broken", {"text": f"2{name}"}, {"text": f"3{name}"})
        (folder / f"{name}.json").write_text(json.dumps([{"text": f"1{name}"}, 7, {"text": f"2{name}"}]))
        table = arrow.table({"text": [f"{n}{name}" if n != 3 else None for n in range(7)]})
        parquet.write_table(table, folder / f"{name}.parquet", row_group_size=2)
        (folder / f"{name}.txt").write_bytes(f"text {name}".encode() if name == "b" else b"\xff")
        (folder / "crate" / name).mkdir(parents=True)
        (folder / "crate" / name / "lib.rs").write_text(f"fn {name}() {{}}")
        (folder / "crate" / name / "more.rs").write_text(" ")
    return [
        JsonlSource(path=folder / "*.jsonl"),
        JsonlSource(path=folder / "*.jsonl", name="limited", limit=4),
        JsonSource(path=folder / "*.json"),
        ParquetSource(path=folder / "*.parquet"),
        TextSource(path=folder / "*.txt"),
        CratesSource(path=folder / "crate"),
    ]


def test_reading_continues_at_any_position(tmp_path: Path) -> None:
    for source in every_kind(tmp_path):
        whole = list(stream(source, "s", BadRows(100)))
        assert whole, source.kind
        for start in range(whole[-1][0] + 2):
            rest = list(stream(source, "s", BadRows(100), start=start))
            assert rest == [(position, row) for position, row in whole if position > start], (source.kind, start)


def test_bad_rows_are_counted_once_however_often_they_are_read(tmp_path: Path) -> None:
    source = JsonlSource(path=write(tmp_path / "a.jsonl", "broken", TALK))
    bad = BadRows(1)
    assert len([*stream(source, "a", bad), *stream(source, "a", bad)]) == 2
    assert [row["line"] for row in bad.rows] == [1]


def test_files_are_read_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b", "c", "a"):
        write(tmp_path / name / "rows.jsonl", {"text": name})
    assert [row.text for row in read(tmp_path / "**" / "*.jsonl")] == ["a", "b", "c"]


def test_a_source_lists_its_files(tmp_path: Path) -> None:
    kinds = {source.kind: source for source in every_kind(tmp_path)}
    (tmp_path / "crate" / "Cargo.toml").write_text('[package]\nlicense = "MIT"')
    assert [file.name for file in source_files(kinds["parquet"])] == ["a.parquet", "b.parquet"]
    names = [file.name for file in source_files(kinds["crates"])]
    assert names == ["Cargo.toml", "lib.rs", "more.rs", "lib.rs", "more.rs"]
    with pytest.raises(DataError, match=r"no \.rs file"):
        source_files(CratesSource(path=tmp_path / "none"))


def test_a_check_raises_what_reading_would(tmp_path: Path) -> None:
    good = JsonlSource(path=write(tmp_path / "good.jsonl", TALK))
    check_sources([good], bad_rows=0)
    with pytest.raises(DataError, match=r"bad.jsonl:1: not JSON"):
        check_sources([good, JsonlSource(path=write(tmp_path / "bad.jsonl", "x"))], bad_rows=0)
    with pytest.raises(DataError, match="has no usable row"):
        check_sources([JsonlSource(path=write(tmp_path / "none.jsonl"))], bad_rows=0)


def test_half_a_character_is_an_unusable_row_with_its_place(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"prompt": "q", "completion": "\\ud83d\\ude00"}\n'
        '{"prompt": "cut \\ud83d", "completion": "a"}\n'
        '{"prompt": "\\\\ud83d is text", "completion": "a"}\n'
        '{"prompt": "\\ude00\\ud83d", "completion": "a"}\n'
    )
    whole = tmp_path / "rows.json"
    whole.write_text("[" + ",".join(rows.read_text().splitlines()) + "]")
    for path in (rows, whole):
        bad = BadRows(2)
        (source,) = DataConfig(sources=(path,)).sources
        read = [example.messages[0].content for _, example in stream(source, "rows", bad)]
        assert read == ["q", "\\ud83d is text"]
        assert [(row["line"], "surrogate" in str(row["reason"])) for row in bad.rows] == [(2, True), (4, True)]


def test_packed_files_are_read_as_what_is_in_them(tmp_path: Path) -> None:
    line = b'{"prompt": "q", "completion": "a"}\n'
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(line * 3 + line.rstrip()))
    whole = tmp_path / "rows.json.gz"
    whole.write_bytes(gzip.compress(b"[" + line + b"]"))
    sources = DataConfig(sources=(packed, whole)).sources
    assert [source.kind for source in sources] == ["jsonl", "json"]
    counts = [len(list(stream(source, "rows", BadRows(0)))) for source in sources]
    assert counts == [4, 1]
    packed.write_bytes(gzip.compress(line * 1000)[:-9])
    with pytest.raises(DataError, match=r"rows\.jsonl\.gz is damaged"):
        list(stream(sources[0], "rows", BadRows(0)))
    packed.write_bytes(b"\x28\xb5\x2f\xfd rest")
    with pytest.raises(DataError, match="packed with zstd") as refused:
        list(stream(sources[0], "rows", BadRows(0)))
    assert refused.value.way_out == f"Unpack it: zstd -d {packed}"


def test_only_rows_of_the_named_split_count_towards_the_limit(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f'{{"prompt": "{n}", "completion": "a", "split": "{s}"}}\n' for n, s in enumerate("abab")))
    source = JsonlSource(path=rows, split="b", limit=2)
    assert [example.messages[0].content for _, example in stream(source, "rows", BadRows(0))] == ["1", "3"]
