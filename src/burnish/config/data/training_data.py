"""Where training rows come from, and what is done to them on their way to training."""

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
    "context", "text", "path", "licence", "task_type",
]  # fmt: skip
"""What a row may hold, under our names; `data.sources.forms` says how they go together."""


class RowSource(Config):
    """What every source has."""

    name: str | None = None
    """Names the source in mixtures, tables and files; None is its path, or its name on the hub."""
    weight: float = Field(1.0, gt=0)
    """Weight of each row's loss relative to other sources."""
    limit: int | None = Field(None, ge=1)
    """Take the first so many usable rows."""


class MappedSource(RowSource):
    """A source whose rows have named fields."""

    fields: dict[RowField, str] = Field(default_factory=dict)
    """Our name of a field -> its name in the rows, such as ``{text: content, path: max_stars_repo_path}``. Without it
    the form is told by the names in the row."""


class JsonlSource(MappedSource):
    """JSON objects, one per line."""

    kind: Literal["jsonl"] = "jsonl"
    path: Path
    """A file, or a glob (``**`` too) whose files are read in sorted order."""


class JsonSource(MappedSource):
    """A JSON list of objects, read whole."""

    kind: Literal["json"] = "json"
    path: Path
    """A file, or a glob whose files are read in sorted order."""


class ParquetSource(MappedSource):
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
    """Folder; all below it is read in sorted order, hidden folders aside."""


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
    """Read rows as they come; false downloads the data set first and keeps it in the Hugging Face cache."""


FileSource = JsonlSource | JsonSource | ParquetSource | TextSource | CratesSource

_KINDS = {".json": "json", ".parquet": "parquet", ".txt": "text", ".md": "text", ".rs": "text"}


def _with_kind(value: object) -> object:
    """A bare path is a source; a kind left unsaid is told by the file's ending, JSONL where that says nothing."""
    if isinstance(value, str | Path):
        value = {"path": value}
    if isinstance(value, dict) and "kind" not in value:
        kind = "hub" if "dataset" in value else _KINDS.get(PurePath(str(value.get("path", ""))).suffix, "jsonl")
        return {"kind": kind, **value}
    return value


SourceConfig = Annotated[
    JsonlSource | JsonSource | ParquetSource | TextSource | CratesSource | HubSource,
    Field(discriminator="kind"),
    BeforeValidator(_with_kind),
]


def source_name(source: SourceConfig) -> str:
    """The name a source goes by."""
    return source.name or (source.dataset if isinstance(source, HubSource) else str(source.path))


def check_names(sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
    """Refuse two sources of one name: weights and tables could not tell them apart."""
    names = [source_name(source) for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two sources are named {name!r}; give them a `name` each")
    return sources


class DataConfig(Config):
    """Tasks to measure on, and rows to train on."""

    tasks: TasksConfig = RustTasks()
    """The task set; its training part is what SFT trains on unless ``sources`` names others."""
    sources: tuple[SourceConfig, ...] = ()
    """What to train on instead of the task set's training part: a path, or a mapping with ``path`` or ``dataset``."""
    filters: tuple[FilterConfig, ...] = ()
    """Which rows of the sources are left out: the kind of a filter, or a mapping with ``kind``; the first that applies
    is the reason. Nothing filters the task set."""
    mixture: MixtureConfig = MixtureConfig()
    """How several sources become one sequence."""
    chat: ChatConfig = ChatConfig()
    """What of a conversation is trained."""
    gates: GatesConfig = GatesConfig()
    """What must hold of the rows before the first step."""
    cache: Path | None = None
    """Folder where prepared and encoded rows are kept for other runs; None keeps them in the run alone."""
    bad_rows: int = Field(0, ge=0)
    """How many unusable rows may be left out, recorded with their place, before the run stops."""

    _names = field_validator("sources")(check_names)
