"""Find dependency sets, and the current one of a toolchain.

Each toolchain has one current set, the one built last. Its folder holds the compiled crates and ``set.json``; it is
named after the digest of all its sources and features, never changes, and is bound read-only.

Not covered: several sets side by side for different tasks.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from burnish.errors import MachineError
from burnish.fsio import disk_errors, write_json
from burnish.syntax.crates import WELL_KNOWN
from burnish.verify.compiler.toolchain import Toolchain, cache_folder, find_toolchain

INSIDE = "/dependencies"
"""Path of the set inside the sandbox."""
BUILD_COMMAND = "burnish verify dependencies build --from debian"
_SET, _CURRENT = "set.json", "current.json"


@dataclass(frozen=True)
class DependencySet:
    """Crates that tasks may use. An empty one has neither folder nor digest."""

    digest: str = ""
    folder: Path | None = None
    crates: Mapping[str, str] = field(default_factory=dict)
    """Crate name -> file name of the library."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Crate name -> version, for people."""

    def missing(self, wanted: Iterable[str]) -> list[str]:
        """Return those of ``wanted`` that are not in the set."""
        return [name for name in wanted if name.replace("-", "_") not in self.crates]

    def arguments(self, wanted: Collection[str]) -> list[str]:
        """Return the compiler's arguments for a program that uses these crates."""
        if not wanted:
            return []
        words = ["-L", f"dependency={INSIDE}"]
        for name in sorted({name.replace("-", "_") for name in wanted}):
            words += ["--extern", f"{name}={INSIDE}/{self.crates[name]}"]
        return words

    def binds(self, wanted: Collection[str]) -> dict[str, Path]:
        """Return the paths that the sandbox must bind for these crates."""
        return {INSIDE: self.folder} if wanted and self.folder is not None else {}


def _own_folder() -> Path:
    """Make a folder of ours that a sandboxed compiler's uid can read. Raises SandboxError when another user owns it."""
    folder = cache_folder() / "dependencies"
    with disk_errors(folder):
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
    return folder


def sets_folder(toolchain: Toolchain, base: Path | None = None) -> Path:
    """Return the folder of a toolchain's sets; a library fits only the compiler that made it. ``base`` as
    configured."""
    return (base if base is not None else _own_folder()) / toolchain.digest[:16]


def load_set(toolchain: Toolchain, base: Path | None = None) -> DependencySet:
    """Load the current set, or an empty one. Raises MachineError when its record cannot be read."""
    folder = sets_folder(toolchain, base)
    current = folder / _CURRENT
    if not current.is_file():
        return DependencySet()
    try:
        named = folder / str(json.loads(current.read_text())["folder"])
        record = json.loads((named / _SET).read_text())
        return DependencySet(record["digest"], named, record["crates"], record["versions"])
    except (OSError, ValueError, KeyError) as error:
        raise MachineError(
            f"the dependency set in {folder} cannot be read: {error}.", f"Build it again: {BUILD_COMMAND}"
        ) from error


def record_set(folder: Path, made: DependencySet) -> None:
    """Write ``set.json`` into a new set's folder."""
    write_json(folder / _SET, {"digest": made.digest, "crates": made.crates, "versions": made.versions})


def put_in_force(folder: Path, name: str) -> None:
    """Make the set ``name`` in the folder of a toolchain's sets the current one."""
    write_json(folder / _CURRENT, {"folder": name})


def known_crates(base: Path | None = None) -> frozenset[str]:
    """Return the names that are crates when a program uses them: the well-known ones, and those of the current set."""
    return frozenset(WELL_KNOWN) | frozenset(load_set(find_toolchain(), base).crates)
