"""Shared by all tests: where the real public data lies, when it is there."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

# A shell without job control starts what is behind "&" with Ctrl-C ignored, and programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real public data beside the checkout; tests that read it say so when it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no {SHARED}: real public data is not part of the repository")
    return SHARED
