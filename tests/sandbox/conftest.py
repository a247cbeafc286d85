"""One verifier per backend for all attack tests: its self-test runs once. A backend that is not there is skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import MissingToolError
from burnish.verify import Verifier
from tests.sandbox.docker_daemon import why_no_docker


@pytest.fixture(scope="session", params=["bubblewrap", "docker", "firejail"])
def verifier(request: pytest.FixtureRequest) -> Iterator[Verifier]:
    """A verifier that records every fault instead of stopping at the first."""
    if request.param == "docker" and why_no_docker():
        pytest.skip(why_no_docker())
    try:
        one = Verifier(VerifyConfig(infra_budget=1.0, sandbox=request.param))
    except MissingToolError as error:
        if request.param == "bubblewrap":
            raise
        pytest.skip(str(error))
    with one:
        yield one


@pytest.fixture(scope="session")
def layers(verifier: Verifier) -> tuple[str, ...]:
    """What the verifier's sandbox claims, its name first."""
    assert verifier._sandbox is not None
    return verifier._sandbox.layers
