"""Define the names of sandbox layers, as used in verdicts and ``min_isolation``.

A sandbox claims its layers; the self-test tries each claim that can be tried (`selftest`). The user chooses the layers
that a run must have (``verify.min_isolation``); a missing one stops it before anything is judged.

Not covered: the strength of a layer. firejail's namespaces are set up by a program that is setuid root.
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
"""No files of the host, except the toolchain and the system's own programs and libraries."""
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
"""Each compilation has a sandbox of its own. A verdict lacks it if it shared one with other candidates."""
UNSAFE = "UNSAFE: no sandbox"
"""First layer of a verdict without isolation."""

_MEETS = {"unprivileged": (UID_DROP, ORDINARY_USER), "cgroup": ("cgroup-v1", "cgroup-v2", "cgroup-docker")}
"""Requirements that several layers meet."""


class ManagedSandbox(Sandbox, Protocol):
    """Sandbox that owns its running jobs; every backend is one."""

    def stop(self) -> None:
        """Kill running jobs, and later ones until `resume`; their results have a fault."""
        ...

    def resume(self) -> None:
        """Let jobs run again."""
        ...

    def close(self) -> None:
        """Kill running jobs and release everything."""
        ...


def missing(required: Iterable[str], layers: Sequence[str]) -> list[str]:
    """Return those of ``required`` that ``layers`` lack, in order."""
    return [name for name in required if not set(_MEETS.get(name, (name,))) & set(layers)]


def require_layers(required: Sequence[str], layers: Sequence[str]) -> None:
    """Raise SandboxError naming the layers of ``min_isolation`` that this sandbox lacks."""
    absent = missing(required, layers)
    if absent:
        raise SandboxError(
            f"{layers[0]} has no {', '.join(absent)} here, which verify.min_isolation requires.",
            "Nothing was judged. burnish doctor shows the layers of each sandbox; choose another one, or require less.",
        )
