"""List and prune the cache of prepared data.

Not covered: the caches of Hugging Face (downloads) and of the verifier (verdicts).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from burnish.data.cache import DatasetCache, Entry
from burnish.errors import ConfigError, DataError

_UNITS_S = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_UNITS_BYTES = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}


def list_cache(folder: Path) -> list[Entry]:
    """List all entries, most recently used first; raise DataError when the folder is missing."""
    if not folder.is_dir():
        raise DataError(
            f"cache {folder} does not exist.",
            "Give the folder with --cache; it is created when data is first prepared.",
        )
    return DatasetCache(folder).entries()


def prune_cache(
    folder: Path, *, everything: bool, broken: bool, older_than: str | None, max_size: str | None
) -> tuple[list[Entry], list[Entry]]:
    """Remove entries; return the removed and the remaining ones.

    Raises ConfigError without a limit or for an invalid number, DataError when the folder does not exist.
    """
    if not (everything or broken or older_than or max_size):
        raise ConfigError("no option selects what to remove.", "Give --broken, --older-than, --max-size or --all.")
    list_cache(folder)
    cache = DatasetCache(folder)
    removed = cache.prune(
        everything=everything,
        broken=broken,
        unused_s=None if older_than is None else _number(older_than, _UNITS_S, "an age"),
        most_bytes=None if max_size is None else int(_number(max_size, _UNITS_BYTES, "a size")),
    )
    return removed, cache.entries()


def _number(text: str, units: Mapping[str, float], expected: str) -> float:
    for unit, factor in units.items():
        number = text.removesuffix(unit).strip()
        if text.endswith(unit) and number.replace(".", "", 1).isdecimal():
            return float(number) * factor
    raise ConfigError(f"{text!r} is not {expected}.", f"Write a number and a unit: {', '.join(units)}.")
