"""Build the package's small C parts with the system's cc, once per source text, into the toolchain cache.

Each part only saves time: if one cannot be built, a warning says why.

Not covered: systems without glibc.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import subprocess
import tempfile
from pathlib import Path

from burnish.errors import BurnishError
from burnish.fsio import disk_errors
from burnish.verify.compiler.toolchain import cache_folder

logger = logging.getLogger(__name__)


@functools.cache
def built(source: Path, *flags: str, quiet: bool = False) -> Path | None:
    """Build the program or shared object of one C file; None if that fails, with a warning unless ``quiet``."""
    texts = [part.read_bytes() for part in (source, *sorted(source.parent.glob("*.h")))]
    name = hashlib.sha256(b"".join([*texts, " ".join(flags).encode()])).hexdigest()[:16]
    try:
        folder = cache_folder() / "native"
        target = folder / f"{source.stem}-{name}"
        if target.is_file():
            return target
        with disk_errors(folder):
            folder.mkdir(mode=0o755, exist_ok=True)
            folder.chmod(0o755)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as making:
                made = Path(making) / target.name
                libraries = [] if "-nostdlib" in flags else ["-ldl"]
                command = ["cc", "-O2", *flags, "-o", str(made), str(source), *libraries]
                subprocess.run(command, check=True, capture_output=True, timeout=120)
                made.chmod(0o755)
                made.replace(target)
    except (OSError, subprocess.SubprocessError, BurnishError) as error:
        if not quiet:
            logger.warning("%s is not built, and verdicts take longer: %s", source.name, _cause(error))
        return None
    return target


def _cause(error: Exception) -> str:
    stderr = error.stderr if isinstance(error, subprocess.CalledProcessError) else None
    return stderr.decode(errors="replace").strip()[-300:] if stderr else str(error)
