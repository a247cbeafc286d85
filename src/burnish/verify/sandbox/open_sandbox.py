"""Open the configured sandbox after a self-test, once per process and backend.

``auto`` takes the first backend that passes and has the layers that ``min_isolation`` requires. There is no fallback to
no sandbox: if none passes, the error says what failed for each and what to install.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from burnish.config.verify import VerifyConfig
from burnish.errors import BurnishError, MissingToolError, SandboxError
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.sandbox import bubblewrap, docker, firejail
from burnish.verify.sandbox import docker_api as engine
from burnish.verify.sandbox.backend import Backend
from burnish.verify.sandbox.layers import require_layers
from burnish.verify.sandbox.selftest import Finding, require, self_test

BACKENDS: Mapping[str, Callable[[], Backend]] = {
    "bubblewrap": bubblewrap.BubblewrapSandbox,
    "docker": docker.DockerSandbox,
    "firejail": firejail.FirejailSandbox,
}
"""Backends, strongest first: the order of ``auto``."""
INSTALL = {"bubblewrap": bubblewrap.INSTALL, "docker": engine.INSTALL, "firejail": firejail.INSTALL}


def open_sandbox(config: VerifyConfig) -> Backend:
    """Open a sandbox that passed its self-test and has every required layer.

    Raises MissingToolError when Rust or every backend is missing, SandboxError when no installed one passes.
    """
    find_toolchain()
    if config.sandbox != "auto":
        return _opened(config.sandbox, config.min_isolation)
    refused: dict[str, BurnishError] = {}
    for name in BACKENDS:
        try:
            return _opened(name, config.min_isolation)
        except (MissingToolError, SandboxError) as error:
            refused[name] = error
    kind = MissingToolError if all(isinstance(e, MissingToolError) for e in refused.values()) else SandboxError
    raise kind(
        "no sandbox passed its self-test, and untrusted code never runs without one: "
        + " ".join(f"{name}: {error.cause}" for name, error in refused.items()),
        f"Install one: {'; or '.join(INSTALL.values())}. burnish doctor shows every part of the tests.",
    )


@functools.cache
def proven_findings(name: str = "bubblewrap") -> tuple[Finding, ...]:
    """Return the self-test's findings of a backend in this process; raise what opening the backend raises."""
    sandbox = BACKENDS[name]()
    try:
        return self_test(sandbox, find_toolchain())
    finally:
        sandbox.close()


def _opened(name: str, required: Sequence[str]) -> Backend:
    sandbox = BACKENDS[name]()
    try:
        require_layers(required, sandbox.layers)
        require(proven_findings(name), sandbox.layers)
    except BaseException:
        sandbox.close()
        raise
    return sandbox
