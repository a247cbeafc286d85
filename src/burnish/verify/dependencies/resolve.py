"""Choose versions and features: from the wanted packages to an ordered list of crates to build.

Works like Cargo's first resolver: one copy per package and version, with the features of all dependents. The newest
available version that meets the requirement is chosen.

Not covered: backtracking (vendored sources fit together); different features for build scripts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from burnish.errors import DataError
from burnish.verify.compiler.cfg_conditions import holds
from burnish.verify.dependencies.manifest import Dependency, Package, Version, satisfies

Key = tuple[str, Version]


@dataclass(frozen=True)
class Wanted:
    """A requested package, with features beside its default ones."""

    package: str
    features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Wanted:
        """Parse ``serde+derive+rc``."""
        name, *features = text.split("+")
        return cls(name, tuple(features))


@dataclass(frozen=True)
class Unit:
    """One crate to build. Keys of dependencies come with their names in the code."""

    package: Package
    features: tuple[str, ...]
    dependencies: tuple[tuple[str, Key], ...]
    build_dependencies: tuple[tuple[str, Key], ...]

    @property
    def key(self) -> Key:
        """Return package and version."""
        return self.package.name, self.package.version


@dataclass
class _Active:
    package: Package
    features: set[str] = field(default_factory=set)
    optional: set[str] = field(default_factory=set)
    """Enabled optional dependencies."""
    weak: set[tuple[str, str]] = field(default_factory=set)
    """Features of optional dependencies, in case they are enabled (``name?/feature``)."""
    edges: dict[Dependency, Key] = field(default_factory=dict)


def resolve(packages: Iterable[Package], wanted: Sequence[Wanted], facts: Collection[str], host: str) -> list[Unit]:
    """Order units so that each comes after its dependencies.

    ``facts`` is the output of ``rustc --print cfg``. Raises DataError naming a missing package.
    """
    resolver = _Resolver(packages, facts, host)
    for crate in wanted:
        resolver.add(crate.package, "*", crate.features, default=True, needed_by="the dependency set")
    return resolver.ordered()


class _Resolver:
    def __init__(self, packages: Iterable[Package], facts: Collection[str], host: str) -> None:
        self._known: dict[str, list[Package]] = {}
        for package in packages:
            self._known.setdefault(package.name, []).append(package)
        self._facts = facts
        self._host = host
        self._active: dict[Key, _Active] = {}

    def add(self, name: str, requirement: str, features: Iterable[str], *, default: bool, needed_by: str) -> Key:
        """Add a package with at least these features."""
        fitting = [p for p in self._known.get(name, ()) if satisfies(p.version, requirement)]
        if not fitting:
            available = ", ".join(p.written_version for p in self._known.get(name, ())) or "none"
            raise DataError(
                f"{needed_by} needs the package {name} {requirement}; versions that are there: {available}.",
                f"Vendor it too, or apt-get install librust-{name.replace('_', '-')}-dev.",
            )
        package = max(fitting, key=lambda p: p.version)
        key = (package.name, package.version)
        new = key not in self._active
        active = self._active.setdefault(key, _Active(package))
        if new:
            for dependency in package.dependencies:
                if not dependency.optional:
                    self._activate(active, dependency)
        for feature in [*(["default"] if default else []), *features]:
            self._enable(active, feature)
        return key

    def _activate(self, active: _Active, dependency: Dependency, features: Iterable[str] = ()) -> None:
        if not self._applies(dependency):
            return
        active.edges[dependency] = self.add(
            dependency.package,
            dependency.requirement,
            [*dependency.features, *features],
            default=dependency.default_features,
            needed_by=active.package.name,
        )

    def _applies(self, dependency: Dependency) -> bool:
        target = dependency.target
        if target is None:
            return True
        return holds(target[4:-1], self._facts) if target.startswith("cfg(") else target == self._host

    def _enable(self, active: _Active, feature: str) -> None:
        if feature in active.features:
            return
        name, _, inner = feature.partition("/")
        if inner:
            weak = name.endswith("?")
            name = name.removesuffix("?")
            if weak and name not in active.optional and any(d.optional for d in self._named(active, name)):
                active.weak.add((name, inner))
            else:
                self._switch_on(active, name, [inner])
            return
        if feature.startswith("dep:"):
            self._switch_on(active, feature.removeprefix("dep:"))
            return
        listed = active.package.features.get(feature)
        if listed is None:
            if feature != "default":
                self._switch_on(active, feature)
                active.features.add(feature)
            return
        active.features.add(feature)
        for part in listed:
            self._enable(active, part)

    def _switch_on(self, active: _Active, name: str, features: Iterable[str] = ()) -> None:
        """Enable an optional dependency, or further features of an enabled one."""
        active.optional.add(name)
        implied = {inner for weak, inner in active.weak if weak == name}
        for dependency in self._named(active, name):
            self._activate(active, dependency, [*features, *implied])

    def _named(self, active: _Active, name: str) -> list[Dependency]:
        return [d for d in active.package.dependencies if d.name == name]

    def ordered(self) -> list[Unit]:
        """Return units depth first, so that dependencies come first."""
        done: dict[Key, Unit] = {}
        for key in self._active:
            self._visit(key, done, ())
        return list(done.values())

    def _visit(self, key: Key, done: dict[Key, Unit], path: tuple[Key, ...]) -> None:
        if key in done:
            return
        if key in path:
            raise DataError(f"{key[0]} needs itself.", "Vendor the packages again.")
        active = self._active[key]
        for needed in active.edges.values():
            self._visit(needed, done, (*path, key))
        edges: Mapping[str, list[tuple[str, Key]]] = {"normal": [], "build": []}
        for dependency, needed in active.edges.items():
            library = self._active[needed].package.library
            renamed = dependency.name != dependency.package
            edges[dependency.kind].append((dependency.name.replace("-", "_") if renamed else library, needed))
        done[key] = Unit(
            package=active.package,
            features=tuple(sorted(active.features)),
            dependencies=tuple(sorted(set(edges["normal"]))),
            build_dependencies=tuple(sorted(set(edges["build"]))),
        )
