"""``burnish verify dependencies build``: compile the crates that tasks may use, once, from sources on this machine.

    sources -> the well-known crates in them, and the named ones -> a set, used from then on

Left out on purpose: fetching anything; sources come from ``cargo vendor``, a package manager, or a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from burnish.config.verify import VerifyConfig
from burnish.errors import DataError
from burnish.syntax.crates import WELL_KNOWN
from burnish.verify.compiler.dependency_set import DependencySet
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.dependencies.build import build_set, source_folder
from burnish.verify.dependencies.manifest import find_packages
from burnish.verify.dependencies.resolve import Wanted
from burnish.verify.sandbox.open_sandbox import open_sandbox

FEATURES = {"serde": ("derive",), "uuid": ("v4",)}
"""Features of the well-known crates."""


def build_dependencies(
    sources: Sequence[str], names: Sequence[str], config: VerifyConfig, on_crate: Callable[[str], None]
) -> DependencySet:
    """Build the well-known crates that ``sources`` hold, and ``names`` (``tokio+rt``: with features).

    Raises DataError when a named crate is missing or does not build, and what `open_sandbox` raises.
    """
    folders = [source_folder(text) for text in sources]
    available = {package.name for folder in folders for package in find_packages(folder)}
    named = [Wanted.parse(name) for name in names]
    given = {crate.package for crate in named}
    wanted = [Wanted(name, FEATURES.get(name, ())) for name in WELL_KNOWN if name in available and name not in given]
    if not wanted and not named:
        raise DataError(
            f"{', '.join(sources)} has none of {', '.join(WELL_KNOWN)}.", "Give the names of the crates to build."
        )
    sandbox = open_sandbox(config)
    try:
        return build_set(
            folders, [*wanted, *named], sandbox, find_toolchain(), base=config.dependencies, on_crate=on_crate
        )
    finally:
        sandbox.close()
