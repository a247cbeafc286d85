"""Read the ``Cargo.toml`` of vendored packages: ``cargo vendor`` folders, and Debian's ``librust-*-dev``.

Not covered: workspaces with inherited fields (published packages have none); ``[patch]``; version requirements with a
pre-release part.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from burnish.errors import DataError

Version = tuple[int, int, int]
_COMPARATOR = re.compile(r"^(\^|~|=|>=|<=|>|<)?\s*v?(\d+|\*)(?:\.(\d+|\*))?(?:\.(\d+|\*))?")


@dataclass(frozen=True)
class Dependency:
    """One line of a dependency table."""

    name: str
    """Name in features and code."""
    package: str
    requirement: str
    optional: bool
    default_features: bool
    features: tuple[str, ...]
    kind: Literal["normal", "build"]
    target: str | None
    """``cfg(..)`` or a target triple; None for every target."""


@dataclass(frozen=True)
class Package:
    """A package's sources and its manifest."""

    name: str
    version: Version
    folder: Path
    edition: str
    library: str
    """Name of the library's crate."""
    source: str
    """The library's root file, relative to the folder."""
    proc_macro: bool
    build_script: str | None
    links: str | None
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dependencies: tuple[Dependency, ...] = ()

    @property
    def written_version(self) -> str:
        """Return the version as in ``1.0.69``."""
        return ".".join(map(str, self.version))


def find_packages(folder: Path) -> list[Package]:
    """Find all packages directly below ``folder``. Raises DataError when there is none."""
    manifests = sorted(folder.glob("*/Cargo.toml")) if folder.is_dir() else []
    packages = [package for path in manifests if (package := read_package(path.parent)) is not None]
    if not packages:
        raise DataError(
            f"{folder} has no package sources.",
            "Give a folder made by cargo vendor, or debian after apt-get install librust-regex-dev (and the like).",
        )
    return packages


def read_package(folder: Path) -> Package | None:
    """Read the package in ``folder``; None when it has no library. Raises DataError when its manifest cannot be
    read."""
    path = folder / "Cargo.toml"
    try:
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
        about = manifest["package"]
        name, version = str(about["name"]), read_version(str(about["version"]))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Vendor the package again.") from error
    library = manifest.get("lib", {})
    source = str(library.get("path", "src/lib.rs"))
    if not (folder / source).is_file():
        return None
    named = about.get("build")
    script = named if isinstance(named, str) else "build.rs"
    return Package(
        name=name,
        version=version,
        folder=folder,
        edition=str(about.get("edition", "2015")),
        library=str(library.get("name", name)).replace("-", "_"),
        source=source,
        proc_macro=bool(library.get("proc-macro", library.get("proc_macro", False))),
        build_script=script if named is not False and (folder / script).is_file() else None,
        links=about.get("links"),
        features={key: tuple(map(str, value)) for key, value in manifest.get("features", {}).items()},
        dependencies=tuple(_dependencies(manifest)),
    )


def _dependencies(manifest: Mapping[str, Any]) -> list[Dependency]:
    tables: list[tuple[str | None, Mapping[str, Any]]] = [(None, manifest)]
    tables += [(target, table) for target, table in manifest.get("target", {}).items()]
    kinds: tuple[tuple[Literal["normal", "build"], str], ...] = (
        ("normal", "dependencies"), ("build", "build-dependencies"),
    )  # fmt: skip
    dependencies = []
    for target, table in tables:
        for kind, key in kinds:
            for name, value in table.get(key, {}).items():
                entry = {"version": value} if isinstance(value, str) else value
                dependencies.append(
                    Dependency(
                        name=name,
                        package=str(entry.get("package", name)),
                        requirement=str(entry.get("version", "*")),
                        optional=bool(entry.get("optional", False)),
                        default_features=bool(entry.get("default-features", entry.get("default_features", True))),
                        features=tuple(map(str, entry.get("features", ()))),
                        kind=kind,
                        target=target,
                    )
                )
    return dependencies


def read_version(text: str) -> Version:
    """Parse ``1.2.3-alpha+x`` to (1, 2, 3); missing parts are 0."""
    numbers = [int(n) for n in re.findall(r"\d+", re.split(r"[-+]", text)[0])[:3]]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return major, minor, patch


def satisfies(version: Version, requirement: str) -> bool:
    """Return whether a version meets a requirement in Cargo's notation (``1.2``, ``^1``, ``~1.2``, ``>=1, <3``,
    ``1.*``)."""
    return all(_meets(version, part.strip()) for part in requirement.split(",") if part.strip())


def _meets(version: Version, comparator: str) -> bool:
    match = _COMPARATOR.match(comparator)
    if match is None:
        return False
    given = [int(p) for p in match.groups()[1:] if p is not None and p != "*"]
    wildcard = "*" in match.groups()
    operator = match[1] or ("*" if wildcard else "^")
    low = (*given, 0, 0, 0)[:3]
    exact = version[: len(given)] == tuple(given)
    fixed = next((i for i, part in enumerate(given) if part), len(given) - 1) + 1  # ^: up to the first non-zero part
    verdicts = {
        "^": version >= low and version[:fixed] == tuple(given[:fixed]),
        "~": version >= low and version[: min(2, len(given))] == tuple(given[:2]),
        "=": exact,
        "*": exact,
        ">=": version >= low,
        ">": version > low and not exact,
        "<=": version <= low or exact,
        "<": version < low,
    }
    return verdicts[operator]
