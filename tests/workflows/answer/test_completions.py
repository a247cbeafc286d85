"""Answering into a file: whatever batches an interrupted attempt left, the file ends up the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.fsio import read_lines
from burnish.records import Completion, Message, Task
from burnish.records.files import read_rows
from burnish.workflows.answer.completions import answer_tasks, read_answers

SAMPLES, PER_BATCH = 2, 3
TASKS = [Task(id=f"t{n}", family="f", prompt=(Message(role="user", content="x" * n),)) for n in range(8)]


class Batches:
    """A generator that writes a few tasks at a time, and notes which ones it wrote."""

    model_digest = "m"

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.written: list[str] = []

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        yield []
        order = sorted((task for task in tasks if task.id not in finished), key=lambda task: task.id, reverse=True)
        for start in range(0, len(order), PER_BATCH):
            if self.last is not None and start >= self.last * PER_BATCH:
                raise KeyboardInterrupt
            self.written += [task.id for task in order[start : start + PER_BATCH]]
            yield [
                Completion(task_id=task.id, sample_index=sample, text=f"{task.id}/{sample}", completion_tokens=5)
                for task in order[start : start + PER_BATCH]
                for sample in range(SAMPLES)
            ]


def test_answers_come_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    answers = answer_tasks(Batches(), TASKS, tmp_path / "c.jsonl", samples=SAMPLES)
    assert [(answer.task_id, answer.sample_index) for answer in answers] == [
        (task.id, s) for task in TASKS for s in range(2)
    ]
    assert read_answers(tmp_path / "c.jsonl").keys() == {(task.id, s) for task in TASKS for s in range(SAMPLES)}


def test_an_interrupted_attempt_keeps_its_batches(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    with pytest.raises(KeyboardInterrupt):
        answer_tasks(Batches(last=2), TASKS, path, samples=SAMPLES)
    second = Batches()
    answer_tasks(second, TASKS, path, samples=SAMPLES)
    assert second.written == ["t1", "t0"]


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


def test_the_pace_is_noted_after_warm_up(tmp_path: Path) -> None:
    answer_tasks(Batches(), TASKS, tmp_path / "c.jsonl", samples=SAMPLES, pace=tmp_path / "pace.jsonl")
    lines = list(read_rows(tmp_path / "pace.jsonl"))
    assert [line["completion_tokens"] for line in lines] == [30, 30, 20]
    assert all(line["wall_s"] >= 0 and line["peak_bytes"] > 0 for line in lines)
