"""Configure the sources of training rows and their preparation."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from burnish.config.base import Config
from burnish.config.data.chat import ChatConfig
from burnish.config.data.filters import FilterConfig
from burnish.config.data.gates import GatesConfig
from burnish.config.data.mixture import MixtureConfig
from burnish.config.tasks import RustTasks, TasksConfig

RowField = Literal[
    "messages", "prompt", "completion", "instruction", "input", "output", "system", "history", "question", "answer",
    "context", "text", "path", "licence", "task_type", "weight", "split",
]  # fmt: skip
"""Fields that a row may have, under our names; `data.sources.forms` defines the valid combinations."""


class RowSource(Config):
    """Settings that every source has."""

    name: str | None = None
    """Name of the source in mixtures, tables and files; None takes its path, or its name on the hub."""
    weight: float = Field(1.0, gt=0)
    """Weight of each row's loss relative to other sources."""
    limit: int | None = Field(None, ge=1)
    """Use only the first N usable rows."""


class MappedSource(RowSource):
    """A source whose rows have named fields."""

    fields: dict[RowField, str] = Field(default_factory=dict)
    """Our name of a field -> its name in the rows, such as ``{text: content, path: max_stars_repo_path}``. Without it
    the form is detected from the field names of each row."""


class FileRows(MappedSource):
    """Rows of files."""

    split: str | None = None
    """Take the rows alone whose column ``split`` says this. Without it, rows of another split than ``train`` are
    refused."""


class JsonlSource(FileRows):
    """JSON objects, one per line; packed by gzip too."""

    kind: Literal["jsonl"] = "jsonl"
    path: Path
    """A file, or a glob (``**`` too) whose files are read in sorted order."""


class JsonSource(FileRows):
    """A JSON list of objects, read whole."""

    kind: Literal["json"] = "json"
    path: Path
    """A file, or a glob whose files are read in sorted order."""


class ParquetSource(FileRows):
    """Parquet files, read batch by batch."""

    kind: Literal["parquet"] = "parquet"
    path: Path
    """A file, or a glob whose files are read in sorted order."""


class TextSource(RowSource):
    """Text files; each is one document."""

    kind: Literal["text"] = "text"
    path: Path
    """A file, or a glob whose files are read in sorted order."""


class CratesSource(RowSource):
    """A folder of crates: each ``.rs`` file is a document, with the licence of its ``Cargo.toml``."""

    kind: Literal["crates"] = "crates"
    path: Path
    """Folder; all below it is read in sorted order, except hidden folders."""


class FunctionsSource(RowSource):
    """Documented functions of a folder of crates, as conversations: documentation and signature, then the function."""

    kind: Literal["functions"] = "functions"
    path: Path
    """Folder; all below it is read in sorted order, except hidden folders."""


class HubSource(MappedSource):
    """A data set of the Hugging Face hub, by its name."""

    kind: Literal["hub"] = "hub"
    dataset: str
    """Name on the hub, such as ``owner/name``."""
    subset: str | None = None
    """Configuration of the data set, where it has several."""
    split: str = "train"
    revision: str | None = None
    """Commit, tag or branch; a commit keeps results repeatable."""
    streaming: bool = True
    """Stream rows; false downloads the data set first and keeps it in the Hugging Face cache."""


FileSource = JsonlSource | JsonSource | ParquetSource | TextSource | CratesSource | FunctionsSource

_KINDS = {".json": "json", ".parquet": "parquet", ".txt": "text", ".md": "text", ".rs": "text"}


def _with_kind(value: object) -> object:
    """Accept a bare path as a source; choose its kind by file suffix, otherwise JSONL."""
    if isinstance(value, str | Path):
        value = {"path": value}
    if isinstance(value, dict) and "kind" not in value:
        kind = (
            "hub"
            if "dataset" in value
            else _KINDS.get(PurePath(str(value.get("path", "")).removesuffix(".gz")).suffix, "jsonl")
        )
        return {"kind": kind, **value}
    return value


SourceConfig = Annotated[
    FileSource | HubSource,
    Field(discriminator="kind"),
    BeforeValidator(_with_kind),
]


def source_name(source: SourceConfig) -> str:
    """Return the name of a source."""
    return source.name or (source.dataset if isinstance(source, HubSource) else str(source.path))


def check_names(sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
    """Refuse two sources with the same name: weights and tables could not distinguish them."""
    names = [source_name(source) for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two sources are named {name!r}; give each a `name`")
    return sources


class DataConfig(Config):
    """Choose the tasks to evaluate on and the rows to train on."""

    name: str | None = Field(None, min_length=1)
    """What the training data is called in names of models and metadata; None: by its files or folders."""
    tasks: TasksConfig = RustTasks()
    """Task set; SFT trains on its training part unless ``sources`` is set."""
    sources: tuple[SourceConfig, ...] = ()
    """Sources to train on instead of the task set's training part: a path, or a mapping with ``path`` or
    ``dataset``."""
    filters: tuple[FilterConfig, ...] = ()
    """Filters of the sources: the kind of a filter, or a mapping with ``kind``; the first that applies is the recorded
    reason. The task set is not filtered."""
    mixture: MixtureConfig = MixtureConfig()
    """How several sources become one sequence."""
    chat: ChatConfig = ChatConfig()
    """Which parts of a conversation are trained."""
    gates: GatesConfig = GatesConfig()
    """Checks of the rows before the first step."""
    cache: Path | None = None
    """Folder that keeps prepared and encoded rows for other runs; None keeps them in the run only."""
    bad_rows: int = Field(0, ge=0)
    """Unusable rows that may be left out, recorded with file and line, before the run stops."""

    _names = field_validator("sources")(check_names)
