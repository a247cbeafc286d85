from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.errors import MissingToolError
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.doctor import checks


@pytest.fixture(autouse=True)
def _look_again() -> Iterator[None]:
    find_toolchain.cache_clear()
    yield
    find_toolchain.cache_clear()


def test_the_toolchain_is_real_and_readable_for_everybody() -> None:
    found = find_toolchain()
    rustc = found.sysroot / "bin/rustc"
    assert rustc.resolve().name != "rustup"
    assert (found.sysroot / "bin/clippy-driver").is_file()
    for folder in (rustc, *rustc.resolve().parents):
        assert os.geteuid() != 0 or folder.stat().st_mode & stat.S_IXOTH
    assert found.version.count(".") == 2
    assert any("libc" in name for name in found.runtime)
    assert all(path.exists() for path in found.runtime.values())


def test_the_digest_is_stable() -> None:
    first = find_toolchain().digest
    find_toolchain.cache_clear()
    assert find_toolchain().digest == first


def test_without_rust_the_install_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "rustc"
    fake.write_text(f"#!/bin/sh\necho {tmp_path}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(MissingToolError, match=r"rustup\.rs") as caught:
        find_toolchain()
    assert caught.value.exit_code == 3


def test_without_clippy_the_install_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/rustc"
    fake.write_text(f"#!/bin/sh\necho {tmp_path}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(MissingToolError, match="rustup component add clippy"):
        find_toolchain()


def test_doctor_shows_what_is_there() -> None:
    found = {check.name: check for check in checks()}
    assert {"python", "rustc", "clippy", "sandbox bubblewrap", "control groups"} <= found.keys()
    others = {"sandbox docker", "sandbox firejail"}  # one backend is enough
    assert all(check.ok for name, check in found.items() if name not in others)


def test_doctor_names_what_installs_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {check.name: check for check in checks()}
    assert not found["sandbox bubblewrap"].ok
    assert found["sandbox bubblewrap"].install == "apt-get install bubblewrap"


def toolchain_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: str) -> None:
    """A PATH whose rustc belongs to a made-up toolchain with an ``rustc -vV`` of one's own."""
    (tmp_path / "bin").mkdir()
    for name, said in (("rustc", about), ("clippy-driver", "echo clippy")):
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\ncase "$*" in *sysroot*) echo {tmp_path};; *) {said} ;; esac\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ("echo nothing", "gives no version"),
        ("exit 1", "failed: "),
        ("echo rustc 1.0.0; echo host: nowhere", "has no libstd"),
    ],
)
def test_an_incomplete_toolchain_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: str, why: str
) -> None:
    toolchain_of(tmp_path, monkeypatch, about)
    with pytest.raises(MissingToolError, match=why):
        find_toolchain()


def test_without_a_linker_the_install_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain_of(tmp_path, monkeypatch, "echo")
    (tmp_path / "bin" / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(MissingToolError, match="cc is missing"):
        find_toolchain()
