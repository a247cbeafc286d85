"""Half of a character is refused with its place wherever text comes in, and replaced where a server wrote it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from burnish.config.base import Config
from burnish.config.data.training_data import JsonlSource
from burnish.config.load import load_config
from burnish.config.verbs.standalone import GenerateConfig
from burnish.data.builders.rows import published_rows
from burnish.data.encode.preferences import read_preferences
from burnish.data.sources.raw import BadRow, fields_of
from burnish.data.sources.reading import BadRows, stream
from burnish.data.tasks.humanevalpack import load_humanevalpack
from burnish.data.tasks.task_sets import read_any_tasks, read_tasks
from burnish.errors import BurnishError
from burnish.fsio import parse_json, whole_characters
from burnish.records import Message, Task
from burnish.workflows.answer.generate import generate
from burnish.workflows.evaluate.evaluate import read_completions

TASK = Task(id="t", family="f", kind="numeric", prompt=(Message(role="user", content="1?"),), answers=("1",))
HALF = "\\ud83d"


class Named(Config):
    name: str = ""


def _published(path: Path) -> None:
    for raw in published_rows(path):
        fields_of(raw)


def _prompts(path: Path) -> None:
    generate(GenerateConfig(prompts=path))


READERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "tasks": (read_tasks, TASK.to_json().replace('"1?"', f'"{HALF}"')),
    "any tasks": (read_any_tasks, TASK.to_json().replace('"1?"', f'"{HALF}"')),
    "answers": (lambda path: read_completions(path, [TASK]), f'{{"task_id": "t", "text": "{HALF}"}}'),
    "pairs": (lambda path: read_preferences(path, "dpo"), f'{{"prompt": "{HALF}", "chosen": "a", "rejected": "b"}}'),
    "published": (_published, f'{{"question": "{HALF}"}}'),
    "problems": (load_humanevalpack, f'{{"declaration": "{HALF}"}}'),
    "prompts": (_prompts, f'["Say hi {HALF}", "Say bye"]'),
    "settings": (lambda path: load_config(Named, path), f'name: "{HALF}"'),
}


@pytest.mark.parametrize("reader", READERS)
def test_half_a_character_is_refused_with_its_place(tmp_path: Path, reader: str) -> None:
    read, line = READERS[reader]
    path = tmp_path / "given.jsonl"
    path.write_text(line + "\n")
    with pytest.raises((BurnishError, BadRow)) as refused:
        read(path)
    assert "surrogate" in str(refused.value)
    if not isinstance(refused.value, BadRow):  # whose reader adds the place
        assert "given.jsonl" in str(refused.value)


def test_prompts_of_the_case_are_refused(shared: Path) -> None:
    with pytest.raises(BurnishError, match="prompt 1 holds half of a surrogate pair"):
        generate(GenerateConfig(prompts=shared / "cases" / "answers" / "case05_prompts.json"))


def test_a_pair_is_a_character_and_an_escaped_backslash_is_text() -> None:
    assert parse_json('"\\ud83d\\ude00"') == "😀"
    assert parse_json('"\\\\ud83d"') == "\\ud83d"
    for text in ('"\\ud83d"', '"\\ude00\\ud83d"', '"\\ud83d x \\ude00"', '"\\ud83d\\\\ude00"', '"\\uD83D"'):
        with pytest.raises(json.JSONDecodeError, match="surrogate"):
            parse_json(text)
    assert whole_characters("a\ud83db") == "a\ufffdb"
    assert whole_characters("\ud83d\ude00") == "😀"


def test_files_that_others_wrote_may_be_packed_and_end_without_a_newline(tmp_path: Path) -> None:
    other = TASK.model_copy(update={"id": "u"})
    text = "\ufeff" + TASK.to_json() + "\n\n" + other.to_json()
    plain, packed = tmp_path / "tasks.jsonl", tmp_path / "tasks.jsonl.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    assert read_tasks(plain) == read_tasks(packed) == read_any_tasks(packed) == (TASK, other)


def test_an_answer_that_stands_twice_is_refused_with_both_lines(shared: Path) -> None:
    folder = shared / "cases" / "answers"
    tasks = read_tasks(folder / "case10_tasks.jsonl")
    path = folder / "case10_answers.jsonl"
    with pytest.raises(BurnishError, match=f"{path}:5: sample 0 of task 'q0' stands in line 1 already"):
        read_completions(path, tasks)


def test_a_row_of_the_case_with_half_a_character_is_counted(shared: Path) -> None:
    bad = BadRows(1)
    path = shared / "cases" / "answers" / "case05_surrogate.jsonl"
    read = [example.id for _, example in stream(JsonlSource(path=path), "rows", bad)]
    assert read == [f"{path}:1"]
    assert [row["line"] for row in bad.rows] == [2]
