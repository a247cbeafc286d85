"""Tiny models, and one unbroken run of the small quickstart that tests compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.program import burnish, small_quickstart
from tests.tiny import make_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama-shaped folder with random weights."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def unbroken(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which the small quickstart ran once without interruption; counts its durable moments."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = burnish(
        ["SIGKILL", "0", *small_quickstart(tiny_model)],
        folder,
        program=("-m", "tests.e2e.crashing"),
        environment={"CRASHING_COUNT": str(folder / "count")},
    )
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    return folder
