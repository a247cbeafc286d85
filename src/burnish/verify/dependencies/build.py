"""Build a dependency set from vendored sources, crate by crate, inside the sandbox.

Vendored code is as untrusted as a model's: build scripts and procedural macros run in the sandbox like the candidates'
compilers, without network, and see only their own package and the crates built before.

Not covered: native libraries (``links`` with a C build); build scripts that read results of other build scripts.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from burnish.errors import DataError, DiskError, MissingToolError, SandboxError
from burnish.fsio import digest_folder, digest_json, disk_errors
from burnish.protocols import MIB, Job, JobResult, Limits, Sandbox
from burnish.verify.compiler.dependency_set import (
    BUILD_COMMAND,
    INSIDE,
    DependencySet,
    load_set,
    put_in_force,
    record_set,
    sets_folder,
)  # fmt: skip
from burnish.verify.compiler.diagnostics import read_diagnostics
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.dependencies.manifest import Package, find_packages
from burnish.verify.dependencies.resolve import Key, Unit, Wanted, resolve

DEBIAN = Path("/usr/share/cargo/registry")
LIMITS = Limits(cpu_s=300, wall_s=600, memory_bytes=2048 * MIB, pids=64, work_bytes=512 * MIB, output_bytes=8 * MIB)
_FORMAT = 1
"""Increase when the same sources are built in another way, so that sets are built anew."""
_PACKAGE = "/package"
_OPTIONS = ("-C", "debuginfo=0", "-C", "opt-level=1", "-C", "codegen-units=1", "--cap-lints", "allow")
_MOST_GENERATED_BYTES = 64 * MIB


@dataclass
class _Built:
    """Result of building a crate: its library's file, and the requests of its build script."""

    file: str
    configuration: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    generated: dict[str, bytes] = field(default_factory=dict)


def build_set(
    sources: Sequence[Path],
    wanted: Sequence[Wanted],
    sandbox: Sandbox,
    toolchain: Toolchain,
    *,
    base: Path | None = None,
    on_crate: Callable[[str], None] = lambda _: None,
) -> DependencySet:
    """Build missing crates and make the set current; ``base`` is the configured folder of sets.

    Raises DataError when a package is missing or does not compile, SandboxError when the sandbox fails.
    """
    packages = [package for folder in sources for package in find_packages(folder)]
    facts = _facts(toolchain)
    units = resolve(packages, wanted, facts, toolchain.host)
    roots = {crate.package for crate in wanted}
    parts = [[*unit.key, unit.features, digest_folder(unit.package.folder)] for unit in units]
    digest = digest_json([_FORMAT, toolchain.digest, sorted(roots), sorted(parts), _OPTIONS])
    name = digest[:16]
    folder = sets_folder(toolchain, base)
    chosen = {unit.package.library: unit for unit in units if unit.package.name in roots}
    with disk_errors(folder):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.chmod(0o755)
        if not (folder / name).is_dir():
            with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as making:
                Path(making).chmod(0o755)
                whole = Path(making) / name
                whole.mkdir(mode=0o755)
                built = _Builder(sandbox, toolchain, whole, facts, Path(making)).build(units, on_crate)
                crates = {library: built[unit.key].file for library, unit in chosen.items()}
                versions = {library: unit.package.written_version for library, unit in chosen.items()}
                record_set(whole, DependencySet(digest, whole, crates, versions))
                try:
                    whole.rename(folder / name)
                except OSError as error:  # another process was faster
                    if not (folder / name).is_dir():
                        raise DiskError(f"cannot make {folder / name}: {error}", "Free space.") from error
        put_in_force(folder, name)
    return load_set(toolchain, base)


def source_folder(text: str) -> Path:
    """Return the source folder: ``debian`` or a path. Raises DataError or MissingToolError when it does not exist."""
    if text == "debian":
        if not DEBIAN.is_dir():
            raise MissingToolError(
                "Debian's Rust sources are not installed.",
                "Install them: apt-get install librust-anyhow-dev librust-thiserror-dev librust-serde+derive-dev "
                "librust-serde-json-dev librust-regex-dev librust-chrono-dev librust-uuid-dev librust-rand-dev",
            )
        return DEBIAN
    folder = Path(text)
    if not folder.is_dir():
        raise DataError(f"folder {folder} does not exist.", f"Give a folder of vendored packages, or: {BUILD_COMMAND}")
    return folder


def _facts(toolchain: Toolchain) -> frozenset[str]:
    """Return the cfg facts of the target, as the toolchain reports them."""
    rustc = toolchain.sysroot / "bin/rustc"
    answer = subprocess.run([str(rustc), "--print", "cfg"], capture_output=True, text=True, cwd="/", check=True)
    return frozenset(answer.stdout.split("\n")) - {""}


class _Builder:
    def __init__(self, sandbox: Sandbox, toolchain: Toolchain, out: Path, facts: frozenset[str], spare: Path) -> None:
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._out = out
        self._facts = facts
        self._spare = spare
        self._built: dict[Key, _Built] = {}

    def build(self, units: Sequence[Unit], on_crate: Callable[[str], None]) -> Mapping[Key, _Built]:
        for unit in units:
            on_crate(f"{unit.package.name} {unit.package.written_version}")
            self._built[unit.key] = self._crate(unit)
        return self._built

    def _crate(self, unit: Unit) -> _Built:
        package = unit.package
        mark = digest_json([*unit.key, unit.features])[:16]
        suffix = ".so" if package.proc_macro else ".rlib"
        built = _Built(file=f"lib{package.library}-{mark}{suffix}")
        sources = self._readable(package)
        if package.build_script is not None:
            self._run_build_script(unit, sources, built)
        words = [
            "--crate-name", package.library, "--edition", package.edition, "-C", f"metadata={mark}",
            "-C", f"extra-filename=-{mark}", "--crate-type", "proc-macro" if package.proc_macro else "rlib",
            "--emit=link", *self._externs(unit.dependencies), *_features(unit), *built.configuration,
        ]  # fmt: skip
        words += ["--extern", "proc_macro"] if package.proc_macro else []
        environment = {**_package_environment(package), **built.environment}
        if built.generated:
            environment["OUT_DIR"] = "/box/out"
        (self._out / built.file).write_bytes(
            self._compile(
                unit, sources, package.source, words, environment=environment, output=built.file, files=built.generated
            )
        )
        (self._out / built.file).chmod(0o644)
        shutil.rmtree(sources)
        return built

    def _run_build_script(self, unit: Unit, sources: Path, built: _Built) -> None:
        package = unit.package
        assert package.build_script is not None
        words = ["--crate-name", "build_script", "--edition", package.edition, "--crate-type", "bin", "--emit=link"]
        words += [*self._externs(unit.build_dependencies), *_features(unit)]
        package_environment = _package_environment(package)
        program = self._compile(
            unit, sources, package.build_script, words, environment=package_environment, output="build_script", files={}
        )
        environment = {**package_environment, **self._script_environment(unit)}
        script = 'mkdir /box/out && cd /package && env "$@" /box/script && tar -C /box/out -cf /box/out.tar .'
        job = Job(
            argv=("/bin/sh", "-c", script, "sh", *(f"{k}={v}" for k, v in environment.items())),
            stage="compile",
            limits=LIMITS,
            files={"script": program},
            executables=frozenset({"script"}),
            collect=("out.tar",),
            read_only=self._binds(sources),
        )
        result = self._sandbox.run(job)
        if result.fault or result.exceeded or result.exit_code != 0:
            _failed(unit, "its build script", result)
        for line in result.stdout.decode(errors="replace").splitlines():
            key, _, value = line.removeprefix("cargo:").removeprefix(":").partition("=")
            if not line.startswith("cargo:"):
                continue
            if key == "rustc-cfg":
                built.configuration += ["--cfg", value]
            elif key == "rustc-env":
                name, _, text = value.partition("=")
                built.environment[name] = text
        built.generated = {f"out/{name}": content for name, content in _unpack(result.collected["out.tar"]).items()}

    def _compile(
        self,
        unit: Unit,
        sources: Path,
        root: str,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: str,
        files: Mapping[str, bytes],
    ) -> bytes:
        argv = [
            "/usr/bin/env", *(f"{key}={value}" for key, value in environment.items()), self._toolchain.rustc,
            f"{_PACKAGE}/{root}", "--sysroot", self._toolchain.inside, "--error-format=json", *_OPTIONS,
            "-L", f"dependency={INSIDE}", *words, "-o", output,
        ]  # fmt: skip
        job = Job(
            argv=tuple(argv),
            stage="compile",
            limits=LIMITS,
            files=files,
            collect=(output,),
            read_only=self._binds(sources),
        )
        result = self._sandbox.run(job)
        content = result.collected.get(output, b"")
        if result.fault or result.exceeded or result.exit_code != 0 or not content:
            _failed(unit, root, result)
        return content

    def _binds(self, sources: Path) -> dict[str, Path]:
        return {**self._toolchain.binds, _PACKAGE: sources, INSIDE: self._out}

    def _readable(self, package: Package) -> Path:
        """Return a copy of a package's files that any uid can read; links are left out."""
        target = self._spare / "package"
        for path in sorted(package.folder.rglob("*")):
            place = target / path.relative_to(package.folder)
            if path.is_file() and not path.is_symlink():
                place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                shutil.copyfile(path, place)
                place.chmod(0o644)
        return target

    def _externs(self, dependencies: Sequence[tuple[str, Key]]) -> list[str]:
        words = []
        for name, key in dependencies:
            words += ["--extern", f"{name}={INSIDE}/{self._built[key].file}"]
        return words

    def _script_environment(self, unit: Unit) -> dict[str, str]:
        """Return the environment that Cargo guarantees build scripts."""
        inside = self._toolchain
        environment = {
            "OUT_DIR": "/box/out", "TARGET": inside.host, "HOST": inside.host, "RUSTC": inside.rustc, "NUM_JOBS": "1",
            "OPT_LEVEL": "1", "DEBUG": "false", "PROFILE": "release", "PATH": "/usr/bin:/bin",
        }  # fmt: skip
        for feature in unit.features:
            environment[f"CARGO_FEATURE_{feature.upper().replace('-', '_')}"] = "1"
        values: dict[str, list[str]] = {}
        for fact in sorted(self._facts):
            name, _, value = fact.partition("=")
            values.setdefault(name, []).append(value.strip('"'))
        environment |= {f"CARGO_CFG_{name.upper()}": ",".join(filter(None, listed)) for name, listed in values.items()}
        return environment


def _features(unit: Unit) -> list[str]:
    return [word for feature in unit.features for word in ("--cfg", f'feature="{feature}"')]


def _package_environment(package: Package) -> dict[str, str]:
    major, minor, patch = package.version
    return {
        "CARGO_MANIFEST_DIR": _PACKAGE,
        "CARGO_PKG_NAME": package.name,
        "CARGO_PKG_VERSION": package.written_version,
        "CARGO_PKG_VERSION_MAJOR": str(major),
        "CARGO_PKG_VERSION_MINOR": str(minor),
        "CARGO_PKG_VERSION_PATCH": str(patch),
        "CARGO_PKG_VERSION_PRE": "",
        "CARGO_PKG_AUTHORS": "",
        "CARGO_PKG_DESCRIPTION": "",
        "CARGO_PKG_REPOSITORY": "",
        "CARGO_CRATE_NAME": package.library,
    }


def _unpack(archive: bytes) -> dict[str, bytes]:
    """Return the regular files of a build script's output folder; nothing is written to disk here."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            path = Path(member.name)
            if not member.isfile() or path.is_absolute() or ".." in path.parts:
                continue
            content = opened.extractfile(member)
            if content is not None and sum(map(len, files.values())) + member.size <= _MOST_GENERATED_BYTES:
                files[str(path)] = content.read()
    return files


def _failed(unit: Unit, step: str, result: JobResult) -> NoReturn:
    if result.fault:
        raise SandboxError(
            f"the sandbox failed while building {unit.package.name}: {result.fault}.", "Run burnish doctor."
        )
    messages = [d.message for d in read_diagnostics(result.stderr).kept if d.level == "error"][:3]
    last = "; ".join(messages) or result.stderr.decode(errors="replace").strip()[-300:] or f"status {result.exit_code}"
    raise DataError(
        f"{unit.package.name} {unit.package.written_version}: {step} does not build: {result.exceeded} {last}.",
        "Vendor a version that fits this compiler, or remove the crate.",
    )
