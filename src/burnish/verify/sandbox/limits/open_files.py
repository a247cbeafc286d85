"""Raise the limit of open files as far as the verifier needs, before anything is judged.

Each worker holds pipes and files in memory for its job, and up to two prepared compilers. Running out of descriptors
midway would look like random faults of the machine. The soft limit is raised if the hard one allows it.

Not covered: other open files of the process, beyond a margin.
"""

from __future__ import annotations

import resource

from burnish.errors import MachineError
from burnish.wording import counted

_OWN, _EACH = 64, 48


def allow_open_files(workers: int) -> None:
    """Make room for this many workers; raise MachineError when the hard limit is too low."""
    needed = _OWN + _EACH * workers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise MachineError(
                f"only {counted(hard, 'file')} may be open at once, and "
                f"{counted(workers, 'worker needs', 'workers need')} {needed}.",
                f"Allow more: ulimit -n {max(1024, needed)}; or take fewer workers: verify.workers=1.",
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
