from __future__ import annotations

from pathlib import Path

import pytest

from burnish.errors import DataError
from burnish.verify.dependencies.manifest import Version, find_packages, read_version, satisfies


@pytest.mark.parametrize(
    ("requirement", "fitting", "others"),
    [
        ("1.2", ["1.2.0", "1.9.3"], ["1.1.9", "2.0.0"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.2.2", "0.3.0"]),
        ("0.0.7", ["0.0.7"], ["0.0.8", "0.1.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("=1.2.3", ["1.2.3"], ["1.2.4"]),
        (">=1.2, <3", ["1.2.0", "2.9.9"], ["1.1.0", "3.0.0"]),
        (">1", ["2.0.0"], ["1.0.0", "1.5.0"]),
        ("<=1.2", ["1.2.7", "0.1.0"], ["1.3.0"]),
        ("1.*", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("*", ["0.0.1", "9.9.9"], []),
    ],
)
def test_requirements_are_cargos(requirement: str, fitting: list[str], others: list[str]) -> None:
    def accepted(texts: list[str]) -> list[bool]:
        return [satisfies(read_version(text), requirement) for text in texts]

    assert accepted(fitting) == [True] * len(fitting)
    assert accepted(others) == [False] * len(others)


@pytest.mark.parametrize(("text", "version"), [("1.2.3-alpha.1+b", (1, 2, 3)), ("4", (4, 0, 0))])
def test_version_requirements_are_compared(text: str, version: Version) -> None:
    assert read_version(text) == version


def test_a_folder_without_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no package sources"):
        find_packages(tmp_path)


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/Cargo.toml").write_text("[package")
    with pytest.raises(DataError, match=r"x/Cargo\.toml cannot be read"):
        find_packages(tmp_path)
