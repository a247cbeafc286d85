"""Define the names of sandbox layers, as used in verdicts and ``min_isolation``.

A sandbox claims the layers it has; the self-test tries each claim that can be tried (`selftest`). Which layers a run
must have is the user's choice (``verify.min_isolation``); a missing one stops it before anything is judged.

Not covered: how good a layer is. firejail's namespaces are set up by a program that is setuid root.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from burnish.errors import SandboxError
from burnish.protocols import Sandbox

NAMESPACES = "namespaces"
NO_NETWORK = "no-network"
READ_ONLY_ROOT = "read-only-root"
HIDDEN_HOST = "hidden-host"
"""Files of the host are not there, the toolchain and the system's own programs and libraries aside."""
HIDDEN_PROC = "hidden-proc"
"""The run stage has no /proc; the compile stage always sees one of its own pid namespace."""
UID_DROP = "uid-drop"
ORDINARY_USER = "ordinary-user"
NO_USER_NAMESPACES = "no-user-namespaces"
NO_CGROUP = "no-cgroup"
ONE_CORE = "one-core"
RLIMITS = "rlimits"
SECCOMP = "seccomp"
SIZED_TMPFS = "size-limited-tmpfs"
OUTPUT_CAP = "output-cap"
EMPTY_ENVIRONMENT = "empty-environment"
DIES_WITH_PARENT = "dies-with-parent"
OWN_COMPILE_SANDBOX = "own-compile-sandbox"
"""Each compilation has a sandbox of its own. A verdict does not name it where it shared one with other candidates."""
UNSAFE = "UNSAFE: no sandbox"
"""Stands first among the layers of a verdict that was reached without isolation."""

_MEETS = {"unprivileged": (UID_DROP, ORDINARY_USER), "cgroup": ("cgroup-v1", "cgroup-v2", "cgroup-docker")}
"""What a user may require that several layers meet."""


class ManagedSandbox(Sandbox, Protocol):
    """A sandbox that owns what it runs; every backend is one."""

    def stop(self) -> None:
        """Kill what runs, and what starts later, until `resume`; those results carry a fault."""
        ...

    def resume(self) -> None:
        """Let jobs run again."""
        ...

    def close(self) -> None:
        """Kill what runs and give everything back."""
        ...


def missing(required: Iterable[str], layers: Sequence[str]) -> list[str]:
    """Those of ``required`` that ``layers`` do not hold, in their order."""
    return [name for name in required if not set(_MEETS.get(name, (name,))) & set(layers)]


def require_layers(required: Sequence[str], layers: Sequence[str]) -> None:
    """Raises SandboxError naming the layers of ``min_isolation`` that this sandbox has not."""
    absent = missing(required, layers)
    if absent:
        raise SandboxError(
            f"{layers[0]} has no {', '.join(absent)} here, which verify.min_isolation requires.",
            "Nothing was judged. burnish doctor shows the layers of each sandbox; choose another one, or require less.",
        )
