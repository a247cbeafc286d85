"""Read the Rust files of a folder of crates, in sorted order, each with the licence of its crate's manifest.

The manifest of a file is the nearest ``Cargo.toml`` above it, within the folder; ``license.workspace = true`` takes the
one of the workspace's manifest. A file without either has no licence, which does not mean a free one.

Not covered: licence files, hidden folders, generated code.
"""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from burnish.data.sources.files import nearest_file, text_document
from burnish.data.sources.raw import RawRow
from burnish.errors import DataError


def crate_files(root: Path) -> Iterator[RawRow]:
    """Yield one document per ``.rs`` file; paths are relative to ``root``."""
    if not root.is_dir():
        raise DataError(f"folder of crates {root} does not exist.", nearest_file(root))
    for file in rust_files(root):
        relative = file.relative_to(root).as_posix()
        yield text_document(file, relative, _licence(file.parent, root))


def rust_files(root: Path) -> Iterator[Path]:
    """List ``.rs`` files below a folder, sorted folder by folder; links are not followed."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(".rs") and (Path(folder) / name).is_file():
                yield Path(folder) / name


def _licence(folder: Path, root: Path, *, of_workspace: bool = False) -> str:
    above = [folder, *folder.parents]
    for place in above[: above.index(root) + 1]:
        table = _manifest(place).get("workspace" if of_workspace else "package")
        if isinstance(table, dict):
            licence = (table.get("package", {}) if of_workspace else table).get("license", "")
            if isinstance(licence, str):
                return licence
            return "" if of_workspace else _licence(place, root, of_workspace=True)
    return ""


@functools.lru_cache(maxsize=256)
def _manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a folder; empty without one, or when it is not valid TOML."""
    try:
        return tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
