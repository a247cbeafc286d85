"""Where tasks and training rows come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from burnish.config.base import Config


class RustTasks(Config):
    """The built-in Rust task set: composed instructions with references and hidden value tests."""

    kind: Literal["rust"] = "rust"
    train: int = Field(8000, ge=0)
    """Training tasks to build."""
    held_out: int = Field(300, ge=1)
    """Tasks to measure on, from combinations of parts that training tasks never use."""
    cases: int = Field(12, ge=1)
    """Hidden value tests per task, drawn fresh."""


class TaskFile(Config):
    """A task set of one's own: JSONL of `Task` records."""

    kind: Literal["file"] = "file"
    path: Path
    exclude: Path | None = None
    """Exclusion file of ``burnish data validate-tasks``: these tasks are left out, and counted."""


class HumanEvalPackTasks(Config):
    """HumanEvalPack (Rust): ``problems.jsonl`` as published; tests are Rust sources."""

    kind: Literal["humanevalpack"] = "humanevalpack"
    path: Path
    exclude: Path | None = None
    """Exclusion file of ``burnish data validate-tasks``: these tasks are left out, and counted."""


class HumanEvalTasks(Config):
    """HumanEval-shaped rows for Rust: a prompt that ends in an open brace, a solution, tests as Rust source."""

    kind: Literal["humaneval"] = "humaneval"
    path: Path
    exclude: Path | None = None
    """Exclusion file of ``burnish data validate-tasks``: these tasks are left out, and counted."""


TasksConfig = Annotated[RustTasks | TaskFile | HumanEvalPackTasks | HumanEvalTasks, Field(discriminator="kind")]


class SourceConfig(Config):
    """One JSONL file of training rows: ``messages``, or ``prompt`` with ``completion``."""

    path: Path
    weight: float = Field(1.0, gt=0)
    """Weight of each row's loss relative to other sources."""
    limit: int | None = Field(None, ge=1)
    """Take the first so many rows."""


def _path_to_source(value: object) -> object:
    return {"path": value} if isinstance(value, str | Path) else value


Source = Annotated[SourceConfig, BeforeValidator(_path_to_source)]


class DataConfig(Config):
    """Tasks to measure on, and rows to train on."""

    tasks: TasksConfig = RustTasks()
    """The task set; its training part is what SFT trains on unless ``sources`` names files."""
    sources: tuple[Source, ...] = ()
    """JSONL files to train on instead of the task set's training part: a path, or a mapping with ``path``."""
    bad_rows: int = Field(0, ge=0)
    """How many unusable rows may be left out, recorded with their place, before the run stops."""
