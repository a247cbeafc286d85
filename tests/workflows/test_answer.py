"""Answering into a file: whatever batches an interrupted attempt left, the file ends up the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.fsio import read_lines
from burnish.records import Completion, Message, Task
from burnish.workflows.answer import answer_tasks, finished_tasks, read_answers

SAMPLES, PER_BATCH = 2, 3
TASKS = [Task(id=f"t{n}", family="f", prompt=(Message(role="user", content="x" * n),)) for n in range(8)]


class Batches:
    """A generator with fixed batches, as the real one has, that notes which batches it wrote."""

    model_digest = "m"

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.written: list[int] = []

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        order = sorted(tasks, key=lambda task: task.id, reverse=True)
        batches = [order[start : start + PER_BATCH] for start in range(0, len(order), PER_BATCH)]
        for index, batch in enumerate(batches):
            if self.last is not None and len(self.written) == self.last:
                raise KeyboardInterrupt
            if not all(task.id in finished for task in batch):
                self.written.append(index)
                yield [
                    Completion(task_id=task.id, sample_index=sample, text=f"{task.id}/{sample} in batch {index}")
                    for task in batch
                    for sample in range(SAMPLES)
                ]


def test_answers_come_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    answers = answer_tasks(Batches(), TASKS, tmp_path / "c.jsonl", samples=SAMPLES)
    assert [(one.task_id, one.sample_index) for one in answers] == [(task.id, s) for task in TASKS for s in range(2)]
    assert finished_tasks(tmp_path / "c.jsonl", SAMPLES) == {task.id for task in TASKS}


def test_an_interrupted_attempt_keeps_its_batches(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    with pytest.raises(KeyboardInterrupt):
        answer_tasks(Batches(last=2), TASKS, path, samples=SAMPLES)
    second = Batches()
    answer_tasks(second, TASKS, path, samples=SAMPLES)
    assert second.written == [2]


@settings(max_examples=60, deadline=None)
@given(kept=st.integers(0, len(TASKS) * SAMPLES), torn=st.booleans())
def test_a_file_cut_anywhere_ends_up_as_the_unbroken_one(
    tmp_path_factory: pytest.TempPathFactory, kept: int, torn: bool
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    whole = answer_tasks(Batches(), TASKS, folder / "whole.jsonl", samples=SAMPLES)
    lines = (folder / "whole.jsonl").read_bytes().splitlines(keepends=True)
    cut = b"".join(lines[:kept]) + (lines[kept][:9] if torn and kept < len(lines) else b"")
    (folder / "cut.jsonl").write_bytes(cut)
    assert answer_tasks(Batches(), TASKS, folder / "cut.jsonl", samples=SAMPLES) == whole
    assert sorted(read_lines(folder / "cut.jsonl")) == sorted(read_lines(folder / "whole.jsonl"))
    assert len(read_answers(folder / "cut.jsonl")) == len(TASKS) * SAMPLES
