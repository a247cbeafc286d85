"""The embedded model, and one unbroken run of the small run that tests compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.workflows.run.base_model import resolve_base
from tests.e2e.run_program import burnish, small_tune


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """The model inside the package: its answers compile often enough for tables to differ when something does."""
    return resolve_base("nano")


@pytest.fixture(scope="session")
def unbroken(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which the small run ran once without interruption; counts its durable moments."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = burnish(
        ["SIGKILL", "0", *small_tune(tiny_model)],
        folder,
        program=("-m", "tests.e2e.kill_at_fsync"),
        environment={"CRASHING_COUNT": str(folder / "count")},
        warm=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    return folder
