"""Read the cheating corpus: answers to a few tasks, each in a file of its own below ``answers/``.

    any/         cheats that fit every task; ``@PROMPT@`` stands for its instruction, ``@STUB@`` for its stub
    bodies/      cheats that are one body in place of every function's of the stub (``@BODY@``)
    TASK/        task.json, stub.rs, and answers by what they are: right_*, wrong_* (honest), cheat_*

An honest wrong answer compiles, its tests run, and some of them fail. A file holds the text a model would have
written, bare code or Markdown. Not covered: judging them (`workflows.rewards.attack`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from burnish.records import Task

Role = Literal["right", "wrong", "cheat"]
ANSWERS = Path(__file__).parent / "answers"
_SHARED = frozenset({"any", "bodies"})
_ROLES: tuple[Role, ...] = ("right", "wrong", "cheat")


@dataclass(frozen=True)
class Answer:
    """One answer to one task."""

    task: Task
    name: str
    """Unique within the task."""
    role: Role
    text: str


def read_corpus(folder: Path = ANSWERS) -> list[Answer]:
    """Read all answers to all tasks, ordered by name."""
    tasks = sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name not in _SHARED)
    return [answer for task_folder in tasks for answer in _answers(folder, task_folder)]


def _answers(folder: Path, task_folder: Path) -> Iterator[Answer]:
    task = Task.from_json((task_folder / "task.json").read_text())
    stub = (task_folder / "stub.rs").read_text()
    prompt = "\n".join(message.content for message in task.prompt)
    for role in _ROLES:
        for file in sorted(task_folder.glob(f"{role}_*")):
            yield Answer(task, file.stem, role, file.read_text())
    for file in sorted((folder / "bodies").iterdir()):
        yield Answer(task, f"body_{file.stem}", "cheat", stub.replace("@BODY@", file.read_text().strip()))
    for file in sorted((folder / "any").iterdir()):
        text = file.read_text().replace("@STUB@", stub.replace("@BODY@", "todo!()")).replace("@PROMPT@", prompt)
        yield Answer(task, file.stem, "cheat", text)
