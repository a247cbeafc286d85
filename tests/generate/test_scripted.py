from __future__ import annotations

import pytest

from burnish.errors import DataError
from burnish.generate.scripted import ScriptedGenerator
from burnish.protocols import Generator
from burnish.records import Message, Task


def task(name: str) -> Task:
    return Task(id=name, family="f", prompt=(Message(role="user", content="?"),))


def test_scripted_answers_come_in_batches_without_finished_ones() -> None:
    generator: Generator = ScriptedGenerator({"a": ["1", "2"], "b": ["3"], "c": ["4"]}, batch_size=2)
    tasks = [task("a"), task("b"), task("c")]
    batches = list(generator.generate(tasks))
    assert [[(one.task_id, one.sample_index, one.text) for one in batch] for batch in batches] == [
        [("a", 0, "1"), ("a", 1, "2"), ("b", 0, "3")],
        [("c", 0, "4")],
    ]
    assert list(generator.generate(tasks, {"a", "b"})) == batches[1:]
    assert [[one.task_id for one in batch] for batch in generator.generate(tasks, {"a"})] == [["b"], ["c"]]
    assert generator.model_digest != ScriptedGenerator({"a": ["1"]}).model_digest


def test_an_unknown_task_is_an_error() -> None:
    with pytest.raises(DataError, match="'b'"):
        list(ScriptedGenerator({"a": ["1"]}).generate([task("b")]))
