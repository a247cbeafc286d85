"""What tools write down of an answer is read in every usual form, and what cannot be read is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.errors import DataError
from burnish.records import Completion
from burnish.records.answer_forms import plain_answer, read_answers_of_others

PARTS = [{"type": "text", "text": "fn a"}, {"type": "text", "text": "() {}"}]
ASKED = {"role": "user", "content": "p"}


@pytest.mark.parametrize(
    ("row", "plain"),
    [
        ({"id": "a", "code": "x"}, {"id": "a", "code": "x"}),
        ({"id": "a", "text": "x"}, {"id": "a", "completion": "x"}),
        ({"id": "a", "response": "x"}, {"id": "a", "completion": "x"}),
        ({"id": "a", "output": "x"}, {"id": "a", "completion": "x"}),
        ({"id": "a", "solution": "x"}, {"id": "a", "completion": "x"}),
        ({"id": "a", "text": None, "output": "x"}, {"id": "a", "text": None, "completion": "x"}),
        ({"task_id": 3, "completion": "x"}, {"id": "3", "completion": "x", "sample_index": None}),
        ({"id": 7, "code": "x"}, {"id": "7", "code": "x"}),
        ({"id": 7.0, "code": "x"}, {"id": "7", "code": "x"}),
        ({"id": -1, "code": "x"}, {"id": "-1", "code": "x"}),
        ({"id": 1e20, "code": "x"}, {"id": "100000000000000000000", "code": "x"}),
        ({"id": 7.5, "code": "x"}, {"id": 7.5, "code": "x"}),
        ({"id": True, "code": "x"}, {"id": True, "code": "x"}),
        ({"id": None, "task_id": 3, "code": "x"}, {"id": None, "task_id": 3, "code": "x"}),
        (
            {"task_id": "a", "completion": "x", "passed": True},
            {"id": "a", "completion": "x", "sample_index": None},
        ),
        (
            json.loads(Completion(task_id="a", text="x", sample_index=2).to_json()),
            {"id": "a", "completion": "x", "sample_index": 2},
        ),
        (
            {"id": "a", "prompt": [ASKED], "completion": [{"role": "assistant", "content": PARTS}]},
            {"id": "a", "prompt": "p", "completion": "fn a() {}"},
        ),
        ({"id": "a", "completion": {"role": "assistant", "content": "x"}}, {"id": "a", "completion": "x"}),
        (
            {
                "id": "a",
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": "first"},
                    {"role": "assistant", "content": "draft"},
                    {"role": "user", "content": [{"type": "text", "text": "p"}]},
                    {"role": "assistant", "content": "x"},
                ],
            },
            {"id": "a", "prompt": "p", "completion": "x"},
        ),
        (
            {"id": "a", "instruction": "do", "input": "it", "output": "x"},
            {"id": "a", "prompt": "do\n\nit", "completion": "x"},
        ),
        ({"id": "a", "instruction": "do", "input": "", "output": "x"}, {"id": "a", "prompt": "do", "completion": "x"}),
    ],
)  # fmt: skip
def test_forms_become_one(row: dict[str, Any], plain: dict[str, Any]) -> None:
    assert plain_answer(row) == plain


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "x", "output": "y"}, "stands in text and in output"),
        ({"completion": 3}, "completion is neither text nor a list of messages"),
        ({"completion": [{"role": "user", "content": "x"}]}, "no turn of the role 'assistant'"),
        ({"completion": [{"role": "assistant", "content": None}]}, "completion.content is neither text nor"),
        ({"completion": [{"role": "assistant", "content": [{"type": "image_url"}]}]}, "a part that is not text"),
        ({"prompt": 3, "text": "x"}, "prompt is neither text nor"),
    ],
)
def test_what_is_no_answer_is_named(row: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plain_answer(row)


def test_a_file_of_samples_is_numbered_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    lines = [
        '{"task_id": "a", "completion": "x"}',
        "",
        '{"task_id": "a", "completion": "y"}',
        '{"task_id": "b", "text": "z"}',
        '{"task_id": "c", "completion": "w", "sample_index": 4}',
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())  # no line end behind the last
    found = [(n, one.task_id, one.sample_index, one.text) for n, one in read_answers_of_others(path)]
    assert found == [(1, "a", 0, "x"), (3, "a", 1, "y"), (4, "b", 0, "z"), (5, "c", 4, "w")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"task_id": "a"', ":2: "),
        ("[1]", ":2: a JSON list"),
        ('{"completion": "x"}', ":2: the row has no task_id"),
        ('{"task_id": "b"}', ":2: the row of 'b' has no answer"),
        ('{"task_id": "b", "text": 3}', ":2: text: "),
        ('{"task_id": "a", "text": "y", "sample_index": 0}', ":2: sample 0 of task 'a' stands in line 1 already"),
    ],
)
def test_a_broken_line_is_named_by_its_number(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(f'{{"task_id": "a", "text": "x"}}\n{line}\n')
    with pytest.raises(DataError, match=words):
        list(read_answers_of_others(path))
