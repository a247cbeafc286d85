"""Shared by all tests: where public data lies, one thread for each program, and what a worker of pytest takes whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# A shell without job control starts what is behind "&" with Ctrl-C ignored, and programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Models here are tiny: a second thread costs more than it gives, and the other core has a worker of its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("tests", deadline=None)  # no test asserts wall-clock time
settings.load_profile("tests")

SHARED = Path(__file__).resolve().parents[2] / "shared"
GROUPS = {
    # They look for sandboxed processes that nobody holds, use fixed ports, and may start a docker daemon.
    "sandboxes": ("tests/sandbox/", "tests/verify/sandbox/", "tests/verify/judge/test_scheduler.py"),
    # They compare with one unbroken run.
    "small run": ("tests/e2e/test_interruptions.py", "tests/e2e/test_tune.py", "tests/e2e/test_failures.py"),
}
"""Tests that must not run beside each other, or share what is dear: a worker takes a group whole, as it does a file."""
DEAREST = (
    *("tests/sandbox/", "tests/e2e/", "tests/workflows/", "tests/train/", "tests/verify/", "tests/cli/train/"),
    *("tests/generate/", "tests/export/", "tests/benchmarks/"),
)
"""Given out first, so that no worker begins a long group when the others have nothing left."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker: put the dearest first."""
    ranks = {place: rank for rank, place in enumerate(DEAREST)}
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next((r for p, r in ranks.items() if item.nodeid.startswith(p)), len(ranks)))


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]  # it comes without types
    """Gives a worker whole groups and whole files."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((group for group, places in GROUPS.items() if path.startswith(places)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByGroup:
    return ByGroup(config, log)


@pytest.fixture(scope="session", autouse=True)
def kept_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is made of GGUF files stays in a folder of this run of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_MODELS", str(tmp_path_factory.mktemp("models")))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real public data beside the checkout; tests that read it say so when it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no {SHARED}: real public data is not part of the repository")
    return SHARED
