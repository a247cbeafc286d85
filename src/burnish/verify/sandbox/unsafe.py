"""No sandbox: what ``burnish verify --unsafe-no-sandbox`` uses, and nothing else.

For programs that one trusts, on a machine where no sandbox can be had. Time, memory per process and output are
limited, the environment is empty; files, network, devices and processes of the host are open to every program.

Never a fallback and never a setting: `opening` does not know it, a verifier gets it handed over. Each verdict says so
in its first layer, and the verdict cache keeps such verdicts apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.verify.sandbox import layers
from burnish.verify.sandbox.host_folder import HostedSandbox, Placed, environment, prlimit


class UnsafeNoSandbox(HostedSandbox):
    """`protocols.Sandbox` that isolates nothing; runs programs as the user who started burnish."""

    @property
    def layers(self) -> tuple[str, ...]:
        """A warning in the first place, then the limits that are left."""
        return layers.UNSAFE, layers.RLIMITS, layers.OUTPUT_CAP, layers.EMPTY_ENVIRONMENT

    def _wrapped(self, placed: Placed, command: Sequence[str]) -> list[str]:
        limited = [
            *prlimit(placed.job.limits, self._cgroups, processes=False),
            "/usr/bin/setpriv",
            "--pdeathsig",
            "KILL",
        ]
        return ["/usr/bin/env", "-C", str(placed.folder), *limited, *environment(placed), *command]
