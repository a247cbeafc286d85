"""Run jobs in firejail, the weakest of the three, for machines without the others.

firejail is setuid root and shows a program the host's own root. Its profiles are not used: folders below / that a
compiler does not need are closed, /tmp holds the job's folder alone, the network is off, capabilities are
dropped and a system call filter kills. As root, the program gets a uid of its own inside.

Missing layers: a size-limited work folder, a hidden /proc, and /usr and /proc/sys are the host's. Not covered: an
ordinary user whom /etc/firejail/firejail.users does not allow, or whose toolchain lies below /var (mounted noexec for
one); firejail before 0.9.72 (--restrict-namespaces).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from burnish.errors import MissingToolError, SandboxError
from burnish.verify.sandbox import layers
from burnish.verify.sandbox.backend import exit_code
from burnish.verify.sandbox.host_folder import HostedSandbox, Placed, environment, prlimit
from burnish.verify.sandbox.seccomp import killed_names
from burnish.verify.sandbox.supervise import Outcome

INSTALL = "apt-get install firejail"
_MINIMUM = (0, 9, 72)
_FIRST_UID, _UIDS = 65600, 1400
_OPEN = frozenset({"bin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "dev", "proc", "sys", "tmp", "sbin"})
"""Folders below / that a compiler needs, or that firejail replaces."""
_OWN = frozenset({"/run", "/var", "/run/firejail", "/run/lock", "/run/shm", "/var/tmp", "/var/log", "/home", "/root"})
"""Folders that firejail itself uses or replaces; of the first two, the other folders inside are closed."""
_FIXED = (
    "--quiet", "--noprofile", "--private", "--private-dev", "--private-etc=alternatives,ld.so.cache,passwd,group",
    "--net=none", "--nonewprivs", "--restrict-namespaces", "--ipc-namespace", "--hostname=sandbox", "--nogroups",
    "--deterministic-exit-code", "--deterministic-shutdown", "--nodbus", "--nosound", "--machine-id",
)  # fmt: skip


class FirejailSandbox(HostedSandbox):
    """`protocols.Sandbox` on firejail; safe to call from several threads.

    Raises MissingToolError when it is not installed, SandboxError when it is too old.
    """

    def __init__(self) -> None:
        self._firejail, self._version = _find()
        super().__init__((_FIRST_UID, _UIDS) if os.geteuid() == 0 else None)

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the backend with version, then every active layer."""
        absent = {layers.HIDDEN_PROC, layers.SIZED_TMPFS} | ({layers.ONE_CORE} if not self._cgroups.one_core else set())
        name, root = f"firejail {self._version}", self._uids is not None
        return layers.claimed(name, root=root, cgroup=self._cgroups.kind, without=tuple(absent))

    def _code(self, outcome: Outcome) -> int:
        """Convert the status: firejail returns 128 + n for signal n."""
        return exit_code(super()._code(outcome))

    def _wrapped(self, placed: Placed, command: Sequence[str]) -> list[str]:
        job, folder = placed.job, placed.folder
        words = ["/usr/bin/setpriv", "--pdeathsig", "KILL", self._firejail, *_FIXED, f"--whitelist={folder}"]
        shown = {Path(outside).resolve() for outside in job.read_only.values()}
        words += [f"--blacklist={path}" for path in _closed(shown)]
        words += ["--keep-var-tmp"] if any(path.is_relative_to("/var/tmp") for path in shown) else []
        words += [f"--whitelist={path}" for path in sorted(shown) if not path.is_relative_to("/usr")]
        words += ["--read-only=/", f"--read-write={folder}", f"--private-cwd={folder}"]
        if job.stage == "run":
            words += [f"--seccomp={','.join(killed_names())}", "--seccomp-error-action=kill"]
            words.append("--protocol=unix,inet,inet6")
        else:
            words.append("--seccomp")
        limited = prlimit(job.limits, self._cgroups, processes=True)
        if placed.uid is None:
            return [*words, "--noroot", "--caps.drop=all", "--", *limited, *environment(placed), *command]
        uid = str(placed.uid)
        dropped = ["/usr/bin/setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--bounding-set", "-all"]
        words += ["--caps.keep=setuid,setgid,setpcap", "--"]
        return [*words, *dropped, *limited, *environment(placed), *command]


def _closed(shown: set[Path]) -> list[Path]:
    """Return folders of the host that a job must not see."""
    paths = [path for path in Path("/").iterdir() if path.name not in _OPEN]
    paths += [path for parent in ("/run", "/var") for path in Path(parent).iterdir()]
    kept = {parent for path in shown for parent in path.parents}
    return sorted(p for p in paths if str(p) not in _OWN and p not in kept and p.exists() and not p.is_symlink())


def _find() -> tuple[str, str]:
    path = shutil.which("firejail")
    if path is None:
        raise MissingToolError("firejail is not installed.", f"Install it: {INSTALL}")
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=30)
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", answer.stdout)
    if version is None:
        raise SandboxError(f"{path} --version says {answer.stdout.strip()!r}.", f"Install it again: {INSTALL}")
    if tuple(int(part) for part in version.groups()) < _MINIMUM:
        raise SandboxError(f"firejail {version[0]} is too old (0.9.72 is needed).", f"Install a newer one: {INSTALL}")
    return path, version[0]
