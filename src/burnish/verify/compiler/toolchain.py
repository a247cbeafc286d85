"""Find the real rustc and clippy-driver, never rustup's shims, and make them readable for the sandbox's uid.

A toolchain below a home that others cannot enter (mostly root's) is hard-linked, or copied across file systems, once
to a cache folder, complete with its libraries, under its digest. The digest covers the version text and the names and
sizes of binaries and libraries, so a copy has the digest of its original.

Not covered: installing Rust; dependency sets.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from burnish.errors import DiskError, MissingToolError, SandboxError
from burnish.fsio import digest_json, disk_errors
from burnish.verify.compiler.linker import linker_arguments

INSTALL_RUST = (
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c clippy"
    "  (or: apt-get install rustc rust-clippy)"
)
INSTALL_CLIPPY = "rustup component add clippy  (or: apt-get install rust-clippy)"
INSTALL_LINKER = "apt-get install gcc libc6-dev"
INSIDE = "/toolchain"
"""Path inside the sandbox of a toolchain outside /usr."""


@dataclass(frozen=True)
class Toolchain:
    """A compiler with its linter. ``sysroot`` is on the host; the other paths are inside the sandbox."""

    sysroot: Path
    version: str
    """As in ``1.95.0``."""
    host: str
    """Target triple."""
    digest: str
    runtime: Mapping[str, Path] = field(default_factory=dict)
    """Files that a program linked with ``prefer-dynamic`` needs to start: path inside -> path outside."""
    linking: tuple[str, ...] = ()
    """Options for rustc that link a program without ``cc``; empty if ``cc`` links."""

    @property
    def inside(self) -> str:
        """Return the sysroot inside the sandbox."""
        return _inside(self.sysroot)

    @property
    def rustc(self) -> str:
        """Return the compiler inside the sandbox."""
        return f"{self.inside}/bin/rustc"

    @property
    def clippy(self) -> str:
        """Return the linter inside the sandbox; it is a complete compiler too."""
        return f"{self.inside}/bin/clippy-driver"

    @property
    def binds(self) -> dict[str, Path]:
        """Return what the sandbox must bind: path inside -> path outside."""
        return {} if self.inside == "/usr" else {INSIDE: self.sysroot}


@functools.cache
def find_toolchain() -> Toolchain:
    """Find the toolchain of ``rustc`` on this machine, readable for any uid.

    Raises MissingToolError when rustc, clippy or a C linker is missing, DiskError when the copy cannot be made.
    """
    rustc = _find_rustc()
    sysroot = Path(_ask(rustc, "--print", "sysroot"))
    binary, driver = sysroot / "bin/rustc", sysroot / "bin/clippy-driver"
    if not binary.is_file():
        raise MissingToolError(f"{rustc} names {sysroot}, which has no rustc.", f"Install Rust: {INSTALL_RUST}")
    if not driver.is_file():
        raise MissingToolError(f"clippy-driver is missing in {sysroot}/bin.", f"Install it: {INSTALL_CLIPPY}")
    if shutil.which("cc") is None:
        raise MissingToolError("cc is missing, which links Rust programs.", f"Install it: {INSTALL_LINKER}")
    about = _ask(binary, "-vV")
    version = re.search(r"^rustc (\S+)", about)
    host = re.search(r"^host: (\S+)", about, re.MULTILINE)
    if version is None or host is None:
        raise MissingToolError(f"{binary} -vV gives no version.", f"Install Rust again: {INSTALL_RUST}")
    made_of = digest_json([about, _ask(driver, "--version"), _listing(sysroot, host[1])])
    if os.geteuid() == 0 and not _open_to_all(sysroot):
        sysroot = _readable_copy(sysroot, made_of[:16])
    runtime = _runtime(sysroot, host[1])
    loader = next((name for name in runtime if Path(name).name.startswith("ld")), "")
    linking = linker_arguments(sysroot, _inside(sysroot), host[1], loader)
    return Toolchain(sysroot, version[1], host[1], digest_json([made_of, linking]), runtime, linking)


def _inside(sysroot: Path) -> str:
    return "/usr" if sysroot == Path("/usr") else INSIDE


def _runtime(sysroot: Path, host: str) -> dict[str, Path]:
    """Return the standard library as a shared object, libc and the loader, each at a path the loader searches."""
    libraries = sysroot / "lib/rustlib" / host / "lib"
    standard = next(libraries.glob("libstd-*.so"), None)
    if standard is None:
        raise MissingToolError(f"{libraries} has no libstd.", f"Install Rust again: {INSTALL_RUST}")
    listed = _ask(Path(shutil.which("ldd") or "/usr/bin/ldd"), str(standard))
    system = [Path(p) for p in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", listed, re.MULTILINE)]
    libc = next((p for p in system if p.name.startswith("libc.")), None)
    if libc is None:
        raise MissingToolError(f"ldd finds no libc for {standard}.", f"Install it: {INSTALL_LINKER}")
    mathematics = libc.with_name("libm.so.6")
    if mathematics.exists():
        system.append(mathematics)
    # The loader searches the folder of libc; glob may have followed a link to the real file.
    return {str(p): p.resolve() for p in system} | {str(libc.with_name(standard.name)): standard}


def _find_rustc() -> Path:
    on_path = shutil.which("rustc")
    for candidate in (on_path, Path.home() / ".cargo/bin/rustc", "/usr/local/cargo/bin/rustc", "/usr/bin/rustc"):
        if candidate is not None and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise MissingToolError("rustc is not on PATH.", f"Install Rust: {INSTALL_RUST}")


def _ask(program: Path, *arguments: str) -> str:
    """Query a compiler for its settings, in a folder without a ``rust-toolchain.toml``."""
    try:
        answer = subprocess.run(
            [str(program), *arguments], capture_output=True, text=True, cwd="/", check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingToolError(
            f"{program} {' '.join(arguments)} failed: {error}.", f"Install Rust again: {INSTALL_RUST}"
        ) from error
    return answer.stdout.strip()


def _listing(sysroot: Path, host: str) -> list[tuple[str, int]]:
    files = [sysroot / "bin/rustc", sysroot / "bin/clippy-driver"]
    if sysroot != Path("/usr"):
        files += [*(sysroot / "lib").glob("*.so*")]
    files += [p for p in (sysroot / "lib/rustlib" / host).rglob("*") if p.is_file()]
    return sorted((str(p.relative_to(sysroot)), p.stat().st_size) for p in files)


def _open_to_all(folder: Path) -> bool:
    """Return whether an unrelated uid can enter ``folder`` and read its content."""
    real = folder.resolve()
    can_enter = all(p.stat().st_mode & stat.S_IXOTH for p in (real, *real.parents))
    return can_enter and bool((real / "bin/rustc").stat().st_mode & stat.S_IROTH)


def cache_folder() -> Path:
    """Return the folder of files that every sandbox may read; raise SandboxError if another user could write there."""
    base = Path(f"/var/tmp/burnish-{os.geteuid()}")
    with disk_errors(base):
        base.mkdir(mode=0o755, exist_ok=True)
        owner = base.lstat()
        if owner.st_uid != os.geteuid() or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o022:
            raise SandboxError(f"{base} belongs to another user or is writable for others.", f"Remove it: rm -r {base}")
        base.chmod(0o755)
    return base


def _readable_copy(sysroot: Path, name: str) -> Path:
    base = cache_folder()
    target = base / "toolchains" / name
    with disk_errors(base):
        if target.is_dir():
            return target
        target.parent.mkdir(mode=0o755, exist_ok=True)
        target.parent.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as making:
            whole = Path(making) / name
            _copy_parts(sysroot, whole)
            try:
                whole.rename(target)
            except OSError as error:  # another process was faster
                if not target.is_dir():
                    raise DiskError(f"cannot make {target}: {error}", "Free space or remove the folder.") from error
    return target


def _copy_parts(sysroot: Path, target: Path) -> None:
    """Link or copy binaries and libraries, not documentation; link only files that may be shared."""
    for part in (Path("bin/rustc"), Path("bin/clippy-driver"), *_files_below(sysroot, Path("lib"))):
        destination = target / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        source = (sysroot / part).resolve()
        if source.stat().st_mode & stat.S_IROTH:
            try:
                os.link(source, destination)
                continue
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                    raise
        shutil.copyfile(source, destination)
        destination.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    for folder in (target, *(p for p in target.rglob("*") if p.is_dir())):
        folder.chmod(0o755)


def _files_below(sysroot: Path, part: Path) -> list[Path]:
    return [p.relative_to(sysroot) for p in (sysroot / part).rglob("*") if p.is_file()]
