"""Where tasks and training rows come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from burnish.config.base import Config
from burnish.config.tasks import RustTasks, TasksConfig


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
