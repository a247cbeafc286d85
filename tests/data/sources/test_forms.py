from __future__ import annotations

from typing import Any

import pytest

from burnish.config.data.training_data import JsonlSource
from burnish.data.sources.forms import example_of
from burnish.data.sources.raw import BadRow, OtherSplit, RawRow
from burnish.records import Example, Message


def read(row: dict[str, Any], **source: Any) -> Example:
    return example_of(RawRow("rows.jsonl", "1", row), JsonlSource(path="rows.jsonl", **source), "rows")


def turns(example: Example) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in example.messages]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}, ["q", "a"]),
        ({"prompt": "q", "completion": "a"}, ["q", "a"]),
        ({"prompt": "q", "gen": "a", "split": "train"}, ["q", "a"]),
        ({"instruction": "q", "output": "a"}, ["q", "a"]),
        ({"instruction": "q", "input": "", "output": "a", "system": None, "history": []}, ["q", "a"]),
        ({"instruction": "q", "input": "i", "output": "a"}, ["q\n\ni", "a"]),
        (
            {"instruction": "q", "output": "a", "system": "s", "history": [["h", "r"]]},
            ["s", "h", "r", "q", "a"],
        ),
        ({"question": "q", "answer": "a"}, ["q", "a"]),
        ({"question": "q", "answer": "a", "context": "c"}, ["c\n\nq", "a"]),
        ({"prompt": "q", "completion": "a", "text": "d"}, ["q", "a"]),
        ({"prompt": None, "completion": "a", "question": "q", "answer": "b"}, ["q", "b"]),
    ],
)
def test_every_form_of_conversation_is_read(row: dict[str, Any], expected: list[str]) -> None:
    example = read(row)
    assert [content for _, content in turns(example)] == expected
    assert [role for role, _ in turns(example)][-2:] == ["user", "assistant"]
    assert example.text is None


def test_a_system_turn_comes_first() -> None:
    row = {"instruction": "q", "output": "a", "system": "s", "history": [["h", "r"]]}
    assert [role for role, _ in turns(read(row))] == ["system", "user", "assistant", "user", "assistant"]


@pytest.mark.parametrize("field", ["text", "content"])
def test_every_form_of_document_is_read(field: str) -> None:
    example = read({field: "fn main() {}", "path": "src/main.rs", "license": "MIT", "_task_type": "code"}, weight=2.0)
    assert (example.text, example.messages) == ("fn main() {}", ())
    assert (example.path, example.licence, example.task_type, example.source) == ("src/main.rs", "MIT", "code", "rows")
    assert (example.id, example.origin, example.weight) == ("rows.jsonl:1", "rows.jsonl:1", 2.0)


def test_fields_can_be_mapped_from_other_names() -> None:
    row = {"content": "x", "code": "fn f() {}", "max_stars_repo_path": "a.rs", "licenses": ["MIT", "Apache-2.0 OR ISC"]}
    fields = {"text": "code", "path": "max_stars_repo_path", "licence": "licenses"}
    example = read(row, fields=fields)
    assert (example.text, example.path, example.licence) == ("fn f() {}", "a.rs", "(MIT) AND (Apache-2.0 OR ISC)")


def test_a_mapping_hides_other_forms_but_not_what_stands_beside() -> None:
    row = {"prompt": "q", "completion": "a", "body": "text", "path": "p"}
    example = read(row, fields={"text": "body"})
    assert (example.text, example.path, example.messages) == ("text", "p", ())


def test_a_mapping_to_a_field_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(BadRow, match=r"no field 'contnt', which `fields` maps to text; did you mean 'content'\?"):
        read({"content": "x"}, fields={"text": "contnt"})
    with pytest.raises(BadRow, match=r"it has 'content'"):
        read({"content": "x"}, fields={"text": "zzz"})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": 1.0}, "text: input should be a valid string, not float"),
        ({"content": ["x"]}, "text: input should be a valid string, not list"),
        ({"text": " \n"}, "text is empty"),
        ({"question": "q", "answer": 1008.0}, "answer: input should be a valid string"),
        ({"question": "q", "answer": "a", "context": 3}, "context: input should be a valid string, not int"),
        ({"instruction": "q", "input": 3, "output": "a"}, "input: input should be a valid string, not int"),
        ({"instruction": "q", "output": "a", "history": "h"}, "'history' is not a list of pairs"),
        ({"instruction": "q", "output": "a", "history": [["h"]]}, "history.0 is not a pair"),
        ({"instruction": "q", "output": "a", "history": [["h", 1]]}, "history.0.1: input should be a valid string"),
        ({"instruction": "q", "output": ""}, "turn 1 of the role 'assistant' is empty"),
        ({"text": "x", "path": 3}, "path: input should be a valid string"),
        ({"text": "x", "license": [1]}, "licence: input should be a valid string"),
        ({"text": "x", "_task_type": 1}, "task_type: input should be a valid string"),
        ({"schema_version": 1, "id": "a"}, "the row has the fields 'schema_version', 'id'; wanted are"),
        ({"prompt": "q"}, "the row has the fields 'prompt'; wanted are messages"),
    ],
)
def test_unusable_rows_are_refused_with_the_reason(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow) as caught:
        read(row)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("content", [{"text": "fn f() {}"}, {"messages": (Message(role="assistant", content="a"),)}])
def test_prepared_rows_are_read_back(content: dict[str, Any]) -> None:
    made = Example(id="x:1", weight=0.5, source="old", path="p", licence="MIT", task_type="t", origin="o", **content)
    example = read(made.model_dump(mode="json"), weight=3.0)
    assert example == made.model_copy(update={"id": "rows.jsonl:1", "source": "rows", "weight": 1.5})


def test_source_defaults_fill_missing_fields() -> None:
    raw = RawRow("a.rs", "", {"text": "x"}, defaults={"path": "src/a.rs", "licence": "ISC"})
    example = example_of(raw, JsonlSource(path="a"), "s")
    assert (example.id, example.path, example.licence, example.origin) == ("a.rs", "src/a.rs", "ISC", "a.rs")


SAID = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
ASKED = {"role": "user", "content": "q"}
ANSWERED = {"role": "assistant", "content": "a"}
CALL = {"from": "function_call", "value": "f"}
OBSERVED = {"from": "observation", "value": "o"}
TOLD = {"from": "system", "value": "s"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"conversations": SAID}, ["user:q", "assistant:a"]),
        ({"conversations": SAID, "system": "s"}, ["system:s", "user:q", "assistant:a"]),
        ({"conversations": SAID, "system": ""}, ["user:q", "assistant:a"]),
        ({"conversations": [TOLD, *SAID], "system": "s"}, ["system:s", "user:q", "assistant:a"]),
        ({"conversations": [{"from": "human", "value": "q", "weight": None}, SAID[1]]}, ["user:q", "assistant:a"]),
        ({"conversations": [ASKED, SAID[1]]}, ["user:q", "assistant:a"]),
        (
            {"conversations": [SAID[0], CALL, OBSERVED, SAID[1]]},
            ["user:q", "assistant:f", "tool:o", "assistant:a"],
        ),
        ({"conversations": [SAID[0], {"from": "tool", "value": "t"}, SAID[1]]}, ["user:q", "tool:t", "assistant:a"]),
        (
            {"messages": [ASKED | {"name": None, "tool_calls": None}, ANSWERED]},
            ["user:q", "assistant:a"],
        ),
        ({"messages": [ASKED, ANSWERED], "system": "s"}, ["system:s", "user:q", "assistant:a"]),
        ({"schema_version": 7, "prompt": "q", "completion": "a"}, ["user:q", "assistant:a"]),
        ({"schema_version": 1, "id": "x", "messages": SAID}, ["user:q", "assistant:a"]),
    ],
)
def test_turns_of_others_formats(row: dict[str, Any], expected: list[str]) -> None:
    assert [f"{role}:{content}" for role, content in turns(read(row))] == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"conversations": [{"from": "narrator", "value": "q"}, SAID[1]]}, "messages.0.from: 'narrator' is none of"),
        ({"conversations": [SAID[0], {"from": "gpt", "value": None}]}, "messages.1.content: input should be a valid"),
        ({"conversations": [SAID[0], {"from": "gpt", "value": "a", "tool_calls": ["f"]}]}, "messages.1.tool_calls"),
        ({"messages": [{"role": "user", "content": None}, ANSWERED]}, "messages.0.content"),
        ({"conversations": [{"from": "system", "value": "t"}, *SAID], "system": "s"}, "another system turn"),
        ({"prompt": "q", "completion": "a", "weight": 0}, "weight: a number above 0"),
        ({"prompt": "q", "completion": "a", "weight": float("nan")}, "weight: a number above 0"),
        ({"prompt": "q", "completion": "a", "weight": "2"}, "weight: a number above 0"),
        ({"prompt": "q", "completion": "a", "weight": True}, "weight: a number above 0"),
        ({"prompt": "q", "completion": "a", "split": "test"}, "the row is of the split 'test'"),
        ({"prompt": "q", "completion": "a", "path": "\ud83d"}, "its text holds half of"),
        ({"text": "cut \ud83d"}, "its text holds half of"),
        ({"schema_version": 1, "id": "t", "family": "f", "prompt": [ASKED]}, "a Task record"),
    ],
)
def test_what_is_neither_read_nor_lost_is_refused(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow) as refused:
        read(row)
    assert reason in str(refused.value)


def test_a_rows_weight_is_times_the_sources() -> None:
    row = {
        "text": "t",
        "weight": 1.7,
        "messages": [ASKED, ANSWERED],
    }
    assert read(row).weight == 1.7
    assert read(row, weight=2.0).weight == 3.4
    assert read({"prompt": "q", "completion": "a", "weight": None}).weight == 1.0
    assert (
        read(
            {"prompt": "q", "completion": "a", "loss": 3},
            fields={"prompt": "prompt", "completion": "completion", "weight": "loss"},
        ).weight
        == 3.0
    )


def test_rows_of_another_split_are_left_out_where_the_source_names_one() -> None:
    row = {"prompt": "q", "completion": "a", "split": "validation"}
    assert turns(read(row, split="validation"))
    with pytest.raises(OtherSplit):
        read(row | {"split": "train"}, split="validation")
    with pytest.raises(OtherSplit):
        read({"prompt": "q", "completion": "a"}, split="validation")
    assert read(row | {"split": 3}).messages
