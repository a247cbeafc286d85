"""What is shipped: the wheel, the pins, and the set-up script."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import burnish

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    """Name -> version of every line of constraints.txt."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", line) for line in lines), "only whole, public pins"
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def needed(requirement: str, extra: str) -> Requirement | None:
    wanted = Requirement(requirement)
    return wanted if wanted.marker is None or wanted.marker.evaluate({"extra": extra}) else None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    [path] = folder.glob("*.whl")
    return path


def test_wheel_carries_all_that_the_program_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src" / "burnish"
    files = [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    wanted = {f"burnish/{path.relative_to(source)}" for path in files}
    recipes = [path for path in (ROOT / "recipes").rglob("*") if path.is_file()]
    wanted |= {f"burnish/recipes/{path.relative_to(ROOT / 'recipes').as_posix()}" for path in recipes}
    assert {"burnish/report/page/page.html.j2", "burnish/py.typed", "burnish/recipes/quickstart.yaml"} <= wanted
    assert wanted <= names


def test_wheel_has_the_one_version_and_the_program(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    assert f"\nVersion: {burnish.__version__}\n" in archive.read(metadata).decode()
    entry_points = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    assert "burnish = burnish.cli:main" in entry_points
    assert "version" not in PROJECT


def test_every_direct_dependency_is_pinned_within_its_bounds() -> None:
    pinned = pins()
    extras = PROJECT["optional-dependencies"]
    for text in [*PROJECT["dependencies"], *extras["train"], *extras["dev"]]:
        requirement = Requirement(text)
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{text} against {version}"


def test_pins_are_complete() -> None:
    """Whatever the pinned packages need on this machine is pinned, too."""
    pinned = pins()
    waiting = [Requirement(f"burnish[{extra}]") for extra in ("train", "dev")]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        if any(bound.operator == "==" for bound in requirement.specifier):
            continue  # pinned by whoever needs it, as torch does with the libraries of an accelerator
        assert name in pinned or name == "burnish", f"{name} is installed, but not in constraints.txt"
        for text in importlib.metadata.requires(name) or ():
            waiting += [one for extra in {"", *requirement.extras} if (one := needed(text, extra)) is not None]


def test_installed_versions_are_the_pinned_ones() -> None:
    for name, version in pins().items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that set-up does not install
        assert installed.partition("+")[0] == version, name


@pytest.mark.parametrize("script", [".ci/run", "scripts/setup.sh"])
def test_scripts_are_executable_strict_bash(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & stat.S_IXUSR
    assert "\nset -euo pipefail\n" in path.read_text()
    subprocess.run(["bash", "-n", path], check=True)


class Checkout:
    """A folder with the set-up script, a program folder as PATH, and a stand-in for pip that writes down its orders."""

    def __init__(self, folder: Path) -> None:
        self.root, self.bin = folder / "checkout", folder / "bin"
        for inner in (self.root / "scripts", self.root / ".venv" / "bin", self.bin):
            inner.mkdir(parents=True)
        for name in ("pyproject.toml", "constraints.txt", "scripts/setup.sh"):
            shutil.copy(ROOT / name, self.root / name)
        for tool in ("bash", "dirname", "cat", "cut", "sha256sum", "id", "grep", "mktemp", "rm"):
            self.provide(tool, f'exec {shutil.which(tool)} "$@"')
        self.orders = self.root / "orders.txt"
        script(
            self.root / ".venv" / "bin" / "python",
            f'case "$*" in *urllib*) exit 1;; *"pip --version"*) exit 0;;\n'
            f'  *"pip install"*) echo "$*" >> {self.orders}; : > .venv/bin/burnish; {sys.executable} -c '
            f"'import pathlib; pathlib.Path(\".venv/bin/burnish\").chmod(0o755)';;\n"
            f'  *) exec {sys.executable} "$@";; esac',
        )

    def provide(self, name: str, body: str = "echo 1.0") -> None:
        script(self.bin / name, body)

    def provide_all(self) -> None:
        for tool in ("rustc", "clippy-driver", "cc", "bwrap"):
            self.provide(tool)

    def set_up(self, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "HOME": str(self.root), **variables}
        return subprocess.run(
            [self.root / "scripts" / "setup.sh"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def installs(self) -> list[str]:
        return self.orders.read_text().splitlines() if self.orders.exists() else []


def script(path: Path, body: str) -> None:
    path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
    os.chmod(path, 0o755)  # noqa: PTH101


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_set_up_installs_once_and_again_when_pins_change(checkout: Checkout) -> None:
    checkout.provide_all()
    first = checkout.set_up()
    assert first.returncode == 0, first.stderr
    assert "installing into .venv: burnish with its extras train and dev" in first.stdout
    assert f" torch=={pins()['torch']} " in first.stdout
    second = checkout.set_up()
    assert second.returncode == 0
    assert [line.split(":")[1] for line in second.stdout.splitlines()] == [" ready"]
    [order] = checkout.installs()
    assert "-c constraints.txt --editable .[train,dev]" in order
    with (checkout.root / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    assert checkout.set_up().returncode == 0
    assert len(checkout.installs()) == 2


def test_a_failed_install_is_tried_again(checkout: Checkout) -> None:
    checkout.provide_all()
    python = checkout.root / ".venv" / "bin" / "python"
    working = python.read_text()
    python.write_text(working.replace('*"pip install"*)', '*"pip install"*) exit 1;; *"never"*)'))
    assert checkout.set_up().returncode != 0
    python.write_text(working)
    assert checkout.set_up().returncode == 0
    assert len(checkout.installs()) == 1


def test_another_torch_index_is_asked_first(checkout: Checkout) -> None:
    checkout.provide_all()
    assert checkout.set_up(BURNISH_TORCH_INDEX="https://example.invalid/cpu").returncode == 0
    torch, rest = checkout.installs()
    assert "--index-url https://example.invalid/cpu torch==" in torch
    assert "--index-url" not in rest


def test_missing_programs_are_listed_with_their_commands(checkout: Checkout) -> None:
    result = checkout.set_up()
    assert result.returncode == 3
    assert [line.partition("Run: ")[2].split(" (")[0] for line in result.stderr.splitlines()] == [
        "sudo apt-get install rustc rust-clippy",
        "sudo apt-get install gcc libc6-dev",
        "sudo apt-get install bubblewrap",
    ]


def test_missing_programs_are_installed_where_one_may(checkout: Checkout) -> None:
    checkout.provide_all()
    (checkout.bin / "bwrap").unlink()
    checkout.provide("sudo", '[ "$1" = -n ] && shift; [ "${1%%=*}" = DEBIAN_FRONTEND ] && shift; exec "$@"')
    made = f"{shutil.which('cp')} {checkout.bin}/cc {checkout.bin}/bwrap"
    checkout.provide("apt-get", f'echo "$*" >> {checkout.root}/apt.txt; case "$*" in *bubblewrap*) {made};; esac')
    result = checkout.set_up()
    assert result.returncode == 0, result.stderr
    assert "install -y -qq --no-install-recommends bubblewrap" in (checkout.root / "apt.txt").read_text()


def test_the_program_runs_as_a_module() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "burnish", "--version"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert burnish.__version__ in shown.stdout
