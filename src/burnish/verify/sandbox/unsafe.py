"""Run programs without a sandbox, for ``burnish verify --unsafe-no-sandbox`` only.

For trusted programs, on a machine without any sandbox. Time, memory per process and output are
limited, the environment is empty; files, network, devices and processes of the host are open to every program.

Never a fallback and never a setting: `open_sandbox` does not offer it, the caller passes it to a verifier. The first
layer of each verdict names it, and the verdict cache keeps such verdicts apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.verify.sandbox import layers
from burnish.verify.sandbox.host_folder import HostedSandbox, Placed, environment, prlimit


class UnsafeNoSandbox(HostedSandbox):
    """`protocols.Sandbox` without isolation; runs programs as the user who started burnish."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Return a warning first, then the remaining limits."""
        return layers.UNSAFE, layers.RLIMITS, layers.OUTPUT_CAP, layers.EMPTY_ENVIRONMENT

    def _wrapped(self, placed: Placed, command: Sequence[str]) -> list[str]:
        limited = [
            *prlimit(placed.job.limits, self._cgroups, processes=False),
            "/usr/bin/setpriv",
            "--pdeathsig",
            "KILL",
        ]
        return ["/usr/bin/env", "-C", str(placed.folder), *limited, *environment(placed), *command]
