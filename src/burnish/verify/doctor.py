"""What verification needs on this machine, whether it is there, and the command that installs it.

Not covered: accelerators and Python packages of other stages.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass

from burnish.errors import BurnishError
from burnish.verify.sandbox.bubblewrap import INSTALL, BubblewrapSandbox
from burnish.verify.sandbox.cgroups import Cgroups
from burnish.verify.sandbox.opening import proven_findings
from burnish.verify.toolchain import INSTALL_CLIPPY, INSTALL_RUST, find_toolchain

_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ``install`` is the command that mends it, empty when nothing is wrong."""

    name: str
    ok: bool
    detail: str
    install: str = ""


def checks() -> list[Check]:
    """Everything that verification needs, in the order in which one would mend it."""
    python = sys.version_info[:2] >= _OLDEST_PYTHON
    return [
        Check("python", python, platform.python_version(), "" if python else "apt-get install python3.11"),
        _attempt("rustc", lambda: f"{find_toolchain().version} in {find_toolchain().sysroot}", INSTALL_RUST),
        _attempt("clippy", lambda: f"digest {find_toolchain().digest[:16]}", INSTALL_CLIPPY),
        _attempt("bubblewrap", _layers, INSTALL),
        *_self_test(),
        _cgroups(),
    ]


def _attempt(name: str, look: Callable[[], str], install: str) -> Check:
    try:
        return Check(name, True, look())
    except BurnishError as error:
        return Check(name, False, error.cause, error.way_out.removeprefix("Install it: ") or install)


def _layers() -> str:
    sandbox = BubblewrapSandbox()
    sandbox.close()
    return ", ".join(sandbox.layers)


def _self_test() -> list[Check]:
    try:
        findings = proven_findings()
    except BurnishError as error:
        return [Check("sandbox self-test", False, error.cause, error.way_out)]
    return [
        Check(f"sandbox: {f.name}", f.ok, f.detail if not f.ok else "", "" if f.ok else "see the detail")
        for f in findings
    ]


def _cgroups() -> Check:
    """Having none is no failure: memory is then limited per process, and verdicts say so."""
    kind = Cgroups().kind
    return Check("control groups", True, kind if kind != "none" else "none: memory is limited per process only")
