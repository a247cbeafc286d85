"""Digests of the files that a source reads. Not covered: data sets of the hub, which their settings stand for."""

from __future__ import annotations

from pydantic import JsonValue

from burnish.config.data.training_data import SourceConfig
from burnish.data.sources.reading import source_files
from burnish.fsio import digest_file


def source_digests(source: SourceConfig) -> list[JsonValue]:
    """List path and digest of every local file of a source; of the hub its name alone, so name a ``revision`` there."""
    return [[str(file), digest_file(file)] for file in source_files(source)]
