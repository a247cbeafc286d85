"""One verifier for all tests of separate grading: bubblewrap is the backend that joins processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.verify import Verifier


@pytest.fixture(scope="package")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as one:
        yield one
