"""Compute digests of the files that a source reads. Not covered: data sets of the hub, which are identified by their
settings."""

from __future__ import annotations

from pydantic import JsonValue

from burnish.config.data.training_data import SourceConfig
from burnish.data.sources.reading import source_files
from burnish.fsio import digest_file


def source_digests(source: SourceConfig) -> list[JsonValue]:
    """List path and digest of every local file of a source, or the name of a hub data set, so set its ``revision``."""
    return [[str(file), digest_file(file)] for file in source_files(source)]
