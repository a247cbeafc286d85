"""Define the names of sandbox layers, as used in verdicts and ``min_isolation``.

A sandbox claims its layers; the self-test tries each claim that can be tried (`selftest`). The user chooses the layers
that a run must have (``verify.min_isolation``); a missing one stops it before anything is judged.

Not covered: the strength of a layer. firejail's namespaces are set up by a program that is setuid root.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from burnish.errors import SandboxError

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


def claimed(backend: str, *, root: bool, cgroup: str, without: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the layers of a backend: all but those it is ``without``.

    Args:
        backend: its name with version.
        root: whether it was started as root, and drops to an ordinary uid.
        cgroup: kind of its control groups, ``none`` without.
        without: the layers that it lacks.
    """
    every = (
        NAMESPACES,
        NO_NETWORK,
        READ_ONLY_ROOT,
        HIDDEN_HOST,
        HIDDEN_PROC,
        UID_DROP if root else ORDINARY_USER,
        NO_USER_NAMESPACES,
        NO_CGROUP if cgroup == "none" else f"cgroup-{cgroup}",
        ONE_CORE,
        RLIMITS,
        SECCOMP,
        SIZED_TMPFS,
        OUTPUT_CAP,
        EMPTY_ENVIRONMENT,
        DIES_WITH_PARENT,
        OWN_COMPILE_SANDBOX,
    )
    return (backend, *(layer for layer in every if layer not in without))


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
