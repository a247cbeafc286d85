"""Read rows of a data set of the Hugging Face hub, through `datasets`.

Thin on purpose: everything else is shared with local files. Not covered: private data sets (log in with the hub's own
tool), data sets that need code of theirs to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from burnish.config.data.training_data import HubSource
from burnish.data.sources.raw import RawRow
from burnish.errors import DataError, MissingToolError


class LoadedDataset(Protocol):
    """Rows that the loader returns; the first ones can be skipped."""

    def __iter__(self) -> Iterator[Mapping[str, Any]]: ...

    def skip(self, n: int) -> Iterable[Mapping[str, Any]]:
        """Return the rows after the first ``n``."""
        ...


class Loader(Protocol):
    """`datasets.load_dataset`, or its fake."""

    def __call__(
        self, path: str, name: str | None, *, split: str, revision: str | None, streaming: bool
    ) -> LoadedDataset:
        """Open a data set."""
        ...


def hub_rows(source: HubSource, skip: int = 0, load: Loader | None = None) -> Iterator[RawRow]:
    """Yield rows after the first ``skip``, numbered from 1. Raises DataError when the data set cannot be loaded."""
    loader = load if load is not None else _installed_loader()
    try:
        opened = loader(
            source.dataset, source.subset, split=source.split, revision=source.revision, streaming=source.streaming
        )
        for number, row in enumerate(opened.skip(skip) if skip else opened, skip + 1):
            yield RawRow(source.dataset, str(number), row)
    except (OSError, ValueError) as error:  # not found, no network, no such subset or split
        reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise DataError(
            f"the data set {source.dataset} cannot be read: {reason}.",
            "Check name, subset, split and network; local copies are read with kind: parquet or jsonl.",
        ) from error


def _installed_loader() -> Loader:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise MissingToolError("reading the hub needs datasets.", "pip install 'burnish[train]'") from error
    loader: Loader = load_dataset
    return loader
