"""The start-up benchmark runs; how fast the program starts is for the benchmark to say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from benchmarks.cli_startup import main, wall_s


def test_reports_time_baseline_and_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rounds", "1", "--json", str(tmp_path / "goals.json")])
    goals = {goal["name"]: goal for goal in json.loads((tmp_path / "goals.json").read_text())["goals"]}
    assert set(goals) == {
        "burnish --help, s",
        "python -c pass, s",
        "help / bare Python",
        "torch imported by burnish.cli",
    }
    assert goals["burnish --help, s"]["value"] > goals["python -c pass, s"]["value"] > 0
    assert goals["torch imported by burnish.cli"]["met"]
    assert "burnish --help" in capsys.readouterr().out


def test_a_program_that_fails_is_not_timed() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        wall_s(["false"])
