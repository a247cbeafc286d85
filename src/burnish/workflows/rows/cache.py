"""Look into the cache of prepared data, and make it smaller.

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
    """All entries, the last used first. Raises DataError when there is no such folder."""
    if not folder.is_dir():
        raise DataError(
            f"there is no cache {folder}.", "Name the folder with --cache; it is made when data is first prepared."
        )
    return DatasetCache(folder).entries()


def prune_cache(
    folder: Path, *, everything: bool, broken: bool, older_than: str | None, max_size: str | None
) -> tuple[list[Entry], list[Entry]]:
    """Remove entries; what went and what stays.

    Raises ConfigError when nothing is asked for or a number cannot be read, DataError when there is no such folder.
    """
    if not (everything or broken or older_than or max_size):
        raise ConfigError("nothing says what to remove.", "Give --broken, --older-than, --max-size or --all.")
    list_cache(folder)
    cache = DatasetCache(folder)
    gone = cache.prune(
        everything=everything,
        broken=broken,
        unused_s=None if older_than is None else _number(older_than, _UNITS_S, "an age"),
        most_bytes=None if max_size is None else int(_number(max_size, _UNITS_BYTES, "a size")),
    )
    return gone, cache.entries()


def _number(text: str, units: Mapping[str, float], what: str) -> float:
    for unit, factor in units.items():
        number = text.removesuffix(unit).strip()
        if text.endswith(unit) and number.replace(".", "", 1).isdecimal():
            return float(number) * factor
    raise ConfigError(f"{text!r} is not {what}.", f"Write a number and a unit: {', '.join(units)}.")
