"""Opens the sandbox that the configuration names, after a self-test that runs once per process.

Never falls back to no sandbox: when no backend passes, the error says what failed.
"""

from __future__ import annotations

import functools

from burnish.config.verify import VerifyConfig
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.selftest import Finding, require, self_test
from burnish.verify.toolchain import find_toolchain


def open_sandbox(config: VerifyConfig) -> BubblewrapSandbox:
    """The first backend that passes its self-test; bubblewrap is the only one of this version.

    Raises MissingToolError when bubblewrap or Rust is missing, SandboxError when the self-test fails.
    """
    assert config.sandbox in ("auto", "bubblewrap")
    sandbox = BubblewrapSandbox()
    require(proven_findings(), sandbox.layers)
    return sandbox


@functools.cache
def proven_findings() -> tuple[Finding, ...]:
    """What the self-test of bubblewrap found in this process."""
    sandbox = BubblewrapSandbox()
    try:
        return self_test(sandbox, find_toolchain())
    finally:
        sandbox.close()
