"""Builds the preloaded C part with the system's cc, once per source text, into the toolchain cache.

Not covered: systems without glibc; there it does not load, and jobs are run one process each.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

from burnish.errors import DiskError
from burnish.fsio import disk_errors
from burnish.verify.toolchain import cache_folder

SOURCE = Path(__file__).with_name("prepared.c")
_FLAGS = ("-O2", "-shared", "-fPIC")


def prepared_library() -> Path | None:
    """The shared object, or None where it cannot be built."""
    name = hashlib.sha256(SOURCE.read_bytes() + " ".join(_FLAGS).encode()).hexdigest()[:16]
    try:
        folder = cache_folder() / "prepared"
        target = folder / f"{name}.so"
        if target.is_file():
            return target
        with disk_errors(folder):
            folder.mkdir(mode=0o755, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as making:
                made = Path(making) / target.name
                command = ["cc", *_FLAGS, "-o", str(made), str(SOURCE), "-ldl"]
                subprocess.run(command, check=True, capture_output=True, timeout=120)
                made.replace(target)
    except (OSError, subprocess.SubprocessError, DiskError):
        return None
    return target
