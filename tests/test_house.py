"""The measures of the source and their limits, on a small source that breaks each of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scripts import measure_house
from scripts.measure_house import EXCEPTIONS, PARTS

ROOT = Path(__file__).resolve().parents[1]
WITHIN = "def f(a, b, c, d, e, f, g, h):\n" + "    a += 1\n" * 59
MEASURED = '''"""A module."""

from typing import Any

# A comment.
class C:
    def method(self, one: Any, *rest: Any) -> None:  # two of four lines with a comment
        ...
'''


def measure(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.measure_house", "--root", str(root), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def write(root: Path, files: dict[str, str]) -> Path:
    for part in PARTS:
        (root / part).mkdir(parents=True, exist_ok=True)
    for name, text in {"src/burnish/__init__.py": "", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_the_check_passes_at_the_limits(tmp_path: Path) -> None:
    files = {f"tests/m{number}.py": WITHIN for number in range(15)}
    parameters = "a, b, c, d, e, f, g, h"
    methods = f"class C:\n    def f(self, {parameters}): ...\n    @staticmethod\n    def g({parameters}): ...\n"
    done = measure(write(tmp_path, files | {"src/burnish/long.py": "\n" * 396 + methods}), "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_check_names_everything_that_is_over_a_limit(tmp_path: Path) -> None:
    files = {f"tests/many/m{number}.py": "" for number in range(16)}
    files |= {
        "tests/many/__init__.py": "",
        "scripts/long.py": "\n" * 401,
        "benchmarks/functions.py": f"{WITHIN}    a += 1\nasync def g(a, *, b, c, d, e, f, g, h=1, **i): ...\n",
        "src/burnish/methods.py": "class C:\n    def m(self, a, b, c, d, e, f, g, h, i): ...\n",
        "src/burnish/names.py": "def f(said):\n    return [one for one in said]\n",
        "tests/names.py": "one = 1\n",
        "src/burnish/a/__init__.py": "",
        "src/burnish/a/one.py": "from burnish.b import two\n",
        "src/burnish/b/__init__.py": "",
        "src/burnish/b/two.py": "def later():\n    from burnish.c import three\n",
        "src/burnish/c/__init__.py": "",
        "src/burnish/c/three.py": "import burnish.a.four\n",
        "src/burnish/a/four.py": "",
    }
    done = measure(write(tmp_path, files), "--check")
    assert done.returncode == 1
    assert done.stderr.splitlines()[:-1] == [
        "benchmarks/functions.py::f: 61 lines, at most 60",
        "benchmarks/functions.py::g: 9 parameters, at most 8",
        "burnish: a b c: these rooms import one another in a cycle",
        "scripts/long.py: 401 lines, at most 400",
        "src/burnish/methods.py::C.m: 9 parameters, at most 8",
        "src/burnish/names.py: names that say nothing: said in line 1, one in line 2",
        "tests/many: 16 files, at most 15",
    ]
    assert "EXCEPTIONS in scripts/measure_house.py" in done.stderr.splitlines()[-1]


def test_the_measures_count_files_functions_imports_comments_and_any(tmp_path: Path) -> None:
    done = measure(write(tmp_path, {"src/burnish/a.py": MEASURED, "src/burnish/b.py": "import burnish.a\n\n"}))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["src/burnish", "2", "10", "2", "1"]
    assert "functions: 1; lines median 2, p90 2, max 2 (src/burnish/a.py::C.method)" in lines
    assert "parameters: max 2 (src/burnish/a.py::C.method); 0 functions over 8" in lines
    assert "imports inside folders: 1; cycles between rooms: 0" in lines
    assert lines[-2:] == ["comments per 100 lines: 20.0", "Any: 2"]


def test_an_exception_that_is_needed_no_more_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_house, "EXCEPTIONS", {**EXCEPTIONS, "tests/conftest.py": "it was too long once"})
    assert measure_house.check(ROOT) == ["tests/conftest.py: listed as an exception, and over no limit"]


def test_every_exception_has_a_reason_and_a_place_that_exists() -> None:
    for place, reason in EXCEPTIONS.items():
        assert len(reason.split()) > 3, place
        assert place.startswith("burnish") or (ROOT / place.partition("::")[0]).exists(), place
