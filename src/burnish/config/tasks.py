"""Which task set to measure on: the built-in Rust tasks, a file of one's own, or a published benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from burnish.config.base import Config

Difficulty = Literal["core", "advanced", "mixed"]


class RustTasks(Config):
    """The built-in Rust task set: composed instructions with references and hidden value tests."""

    kind: Literal["rust"] = "rust"
    train: int = Field(8000, ge=0)
    """Training tasks to build."""
    held_out: int = Field(300, ge=1)
    """Tasks to measure on, from combinations of parts that training tasks never use."""
    cases: int = Field(12, ge=1)
    """Hidden value tests per task, drawn fresh; a quarter more where a second function is to be written."""
    difficulty: Difficulty = "core"
    """``core``: expressions, small steps, some types. ``advanced``: cooperating functions, structs with invariants, own
    error types, iterator adaptors, borrowing, code that draws lints; a third of its held-out tasks are of two kinds
    that no training task has (``unseen-generics``, ``unseen-formats``). ``mixed``: core and advanced in equal parts."""


class TaskFile(Config):
    """A task set from your file: JSONL of `Task` records."""

    kind: Literal["file"] = "file"
    path: Path
    """Tasks to evaluate on."""
    train: Path | None = None
    """Tasks to train and to sample on, in the same format."""
    exclude: Path | None = None
    """Exclusion file of ``burnish data validate-tasks``: these tasks are left out and counted."""


class HumanEvalPackTasks(Config):
    """HumanEvalPack (Rust): ``problems.jsonl`` as published; tests are Rust sources."""

    kind: Literal["humanevalpack"] = "humanevalpack"
    path: Path
    exclude: Path | None = None
    """Exclusion file of ``burnish data validate-tasks``: these tasks are left out and counted."""


class HumanEvalTasks(Config):
    """HumanEval-shaped rows for Rust: a prompt that ends in an open brace, a solution, tests as Rust source."""

    kind: Literal["humaneval"] = "humaneval"
    path: Path
    exclude: Path | None = None
    """Exclusion file of ``burnish data validate-tasks``: these tasks are left out and counted."""


class MultiplETasks(Config):
    """MultiPL-E for Rust: rows with ``name``, ``prompt`` and ``tests``, as published; for evaluation only."""

    kind: Literal["multipl_e"] = "multipl_e"
    path: Path
    exclude: Path | None = None
    """Exclusion file of ``burnish data validate-tasks``: these tasks are left out and counted."""


class RustEvoTasks(Config):
    """RustEvo: rows with ``query``, ``function_signature``, ``code`` and ``test_program``; for evaluation only."""

    kind: Literal["rustevo"] = "rustevo"
    path: Path
    exclude: Path | None = None
    """Exclusion file of ``burnish data validate-tasks``: these tasks are left out and counted."""


PublishedTasks = HumanEvalPackTasks | HumanEvalTasks | MultiplETasks | RustEvoTasks
TasksConfig = Annotated[RustTasks | TaskFile | PublishedTasks, Field(discriminator="kind")]
