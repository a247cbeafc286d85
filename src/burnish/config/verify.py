"""Configure the verifier: sandbox, limits, workers, cache, budget of infrastructure faults.

Judging without a sandbox is not a setting: only an option of ``burnish verify`` allows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from burnish.config.base import Config

Layer = Literal[
    "namespaces",
    "no-network",
    "read-only-root",
    "hidden-host",
    "hidden-proc",
    "unprivileged",
    "no-user-namespaces",
    "cgroup",
    "one-core",
    "rlimits",
    "seccomp",
    "size-limited-tmpfs",
    "output-cap",
    "empty-environment",
    "dies-with-parent",
    "own-compile-sandbox",
]


class VerifyConfig(Config):
    """The verifier of a run."""

    sandbox: Literal["auto", "bubblewrap", "docker", "firejail"] = "auto"
    """``auto`` uses the first of the three that passes its self-test; if none passes, the run stops."""
    min_isolation: tuple[Layer, ...] = ()
    """Layers that the sandbox must have; a missing one stops the run before judging. ``own-compile-sandbox`` also
    disables sharing of compilers and compilations between programs, which is slower."""
    min_grading: Literal["in_process", "separate"] = "in_process"
    """How tests in Rust must be graded: ``separate`` stops a run before it starts when a task's tests cannot run in a
    process that the answer is not in (``burnish data validate-tasks`` says of each task how it is graded, and why)."""
    workers: int | None = Field(None, ge=1)
    """Candidates judged at once; None is one per core."""
    cache: Path | None = None
    """SQLite file of verdicts; None puts it next to the runs."""
    dependencies: Path | None = None
    """Folder of dependency sets, readable for all users; None uses one below /var/tmp."""
    infra_budget: float = Field(0.02, ge=0, le=1)
    """Share of candidates that may end in an infrastructure fault before the run stops."""
