"""Check what verification needs on this machine, with the command that installs what is missing.

Not covered: accelerators and Python packages of other stages.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from burnish.errors import BurnishError
from burnish.verify.compiler.toolchain import INSTALL_CLIPPY, INSTALL_RUST, find_toolchain
from burnish.verify.sandbox.cgroups import Cgroups
from burnish.verify.sandbox.open_sandbox import BACKENDS, proven_findings

_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Check:
    """Result of one check. ``install`` is the command that fixes it, empty when nothing is wrong."""

    name: str
    ok: bool
    detail: str
    install: str = ""
    needed: bool = True
    """Whether verification is impossible without it."""


def checks() -> list[Check]:
    """Check everything that verification needs, in the order in which to fix it."""
    python = sys.version_info[:2] >= _OLDEST_PYTHON
    return [
        Check("python", python, platform.python_version(), "" if python else "apt-get install python3.11"),
        _attempt("rustc", lambda: f"{find_toolchain().version} in {find_toolchain().sysroot}", INSTALL_RUST),
        _attempt("clippy", lambda: f"digest {find_toolchain().digest[:16]}", INSTALL_CLIPPY),
        *_sandboxes(),
        _cgroups(),
    ]


def _attempt(name: str, look: Callable[[], str], install: str) -> Check:
    try:
        return Check(name, True, look())
    except BurnishError as error:
        return Check(name, False, error.cause, error.way_out.removeprefix("Install it: ") or install)


def _sandboxes() -> list[Check]:
    """Check each backend, with its layers or its problem; none is required once one passes."""
    by_backend = {name: _sandbox(name) for name in BACKENDS}
    one_passes = any(all(check.ok for check in checks) for checks in by_backend.values())
    return [replace(check, needed=not one_passes) for checks in by_backend.values() for check in checks]


def _sandbox(name: str) -> list[Check]:
    """Return one check if the backend works, otherwise one for each problem."""
    title = f"sandbox {name}"
    try:
        findings = proven_findings(name)
        sandbox = BACKENDS[name]()
    except BurnishError as error:
        return [Check(title, False, error.cause, error.way_out.removeprefix("Install it: "))]
    sandbox.close()
    failed = [f for f in findings if not f.ok]
    if failed:
        return [Check(f"{title}: {f.name}", False, f.detail, "do not use it here") for f in failed]
    return [Check(title, True, f"{len(findings)} of {len(findings)} self-tests; {', '.join(sandbox.layers)}")]


def _cgroups() -> Check:
    """Check control groups; having none is not a failure: memory is then limited per process, and verdicts say so."""
    kind = Cgroups().kind
    return Check("control groups", True, kind if kind != "none" else "none: memory is limited per process only")
