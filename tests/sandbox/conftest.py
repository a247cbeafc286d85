"""One verifier for all attack tests: its self-test runs once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier


@pytest.fixture(scope="session")
def verifier() -> Iterator[Verifier]:
    """A verifier that records every fault instead of stopping at the first."""
    with Verifier(VerifyConfig(infra_budget=1.0)) as one:
        yield one
