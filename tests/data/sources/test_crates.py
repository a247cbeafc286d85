from __future__ import annotations

from pathlib import Path

import pytest

from burnish.config.data.training_data import CratesSource
from burnish.data.sources.reading import BadRows, stream
from burnish.errors import DataError
from burnish.records import Example


def read(root: Path) -> list[Example]:
    return [row for _, row in stream(CratesSource(path=root), "crates", BadRows(0))]


def write_files(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_toml", ".toml").replace("_rs", ".rs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_files_come_sorted_with_path_and_licence(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        b__Cargo_toml='[package]\nname = "b"\nlicense = "MIT OR Apache-2.0"\n',
        b__src__lib_rs="fn b() {}",
        b__tests__it_rs="fn t() {}",
        a__src__lib_rs="fn a() {}",
        b__README="no",
    )
    write_files(tmp_path / "b" / ".git", x_rs="fn hidden() {}")
    rows = read(tmp_path)
    assert [(row.path, row.licence, row.text) for row in rows] == [
        ("a/src/lib.rs", "", "fn a() {}"),
        ("b/src/lib.rs", "MIT OR Apache-2.0", "fn b() {}"),
        ("b/tests/it.rs", "MIT OR Apache-2.0", "fn t() {}"),
    ]
    assert rows[0].id == str(tmp_path / "a" / "src" / "lib.rs")


def test_a_workspace_licence_is_inherited(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        Cargo_toml='[workspace]\nmembers = ["m"]\n[workspace.package]\nlicense = "ISC"\n',
        m__Cargo_toml='[package]\nname = "m"\nlicense.workspace = true\n',
        m__lib_rs="fn m() {}",
        other__Cargo_toml="not toml at [all",
        other__lib_rs="fn o() {}",
    )
    assert [(row.path, row.licence) for row in read(tmp_path)] == [("m/lib.rs", "ISC"), ("other/lib.rs", "")]


def test_manifests_above_the_folder_are_ignored(tmp_path: Path) -> None:
    write_files(tmp_path, Cargo_toml='[package]\nlicense = "MIT"\n', in__lib_rs="fn x() {}")
    assert [row.licence for row in read(tmp_path / "in")] == [""]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crates").mkdir()
    with pytest.raises(DataError) as caught:
        read(tmp_path / "crate")
    assert caught.value.way_out == f"Did you mean {tmp_path / 'crates'}?"
