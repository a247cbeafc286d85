"""Runs the program and kills it at a chosen moment: ``python -m tests.e2e.kill_at_fsync SIGNAL N ARGUMENTS...``.

The moment is the N-th time that the program makes something durable (``os.fsync``), before it happens for even N and
after it for odd N. N = 0 never kills; the number of moments is then written to the file that CRASHING_COUNT names.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """Arm the counter and run the program."""
    number, wanted = getattr(signal, sys.argv[1]), int(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    count = 0
    real: Callable[[int], None] = os.fsync

    def counted(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == wanted and count % 2 == 0:
            signal.raise_signal(number)
        real(descriptor)
        if count == wanted and count % 2 == 1:
            signal.raise_signal(number)

    os.fsync = counted  # type: ignore[assignment]
    from burnish.cli import main as burnish

    try:
        burnish()
    finally:
        if wanted == 0:
            Path(os.environ["CRASHING_COUNT"]).write_text(str(count))


if __name__ == "__main__":
    main()
