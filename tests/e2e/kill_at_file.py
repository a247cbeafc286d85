"""Runs the program, killed when it makes a file durable: ``python -m tests.e2e.kill_at_file TEXT N ARGUMENTS...``.

The file is the N-th whose path holds TEXT, and what was written to it has not been told to be on disk yet.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """Arm the trap and run the program."""
    text, wanted = sys.argv[1], int(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    count = 0
    real: Callable[[int], None] = os.fsync

    def watched(descriptor: int) -> None:
        nonlocal count
        count += text in str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if count == wanted:
            signal.raise_signal(signal.SIGKILL)
        real(descriptor)

    os.fsync = watched  # type: ignore[assignment]
    from burnish.cli import main as burnish

    burnish()


if __name__ == "__main__":
    main()
