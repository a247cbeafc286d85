"""``--detach``: the same command in the background, with a log and a pid file in the run's folder.

The command waits until the run has taken its folder, so that a mistake still shows in the terminal.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from burnish.records.layout import DETACHED_LOG, LOGS

OPTION = "--detach"
PATIENCE_S = 60.0
"""A run that has not taken its folder by then is left to itself."""


def detached(folder: Path) -> None:
    """Start the command that runs now in the background, and say how to watch and end it."""
    import typer

    pid = detach(folder)
    typer.echo(f"process {pid}, log {folder / LOGS / DETACHED_LOG}")
    typer.echo(f"  watch: burnish monitor {folder}")
    typer.echo(f"  end:   burnish runs stop {folder}")


def detach(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Start this program again without `OPTION`, detached from the terminal; returns its process id.

    Args:
        folder: of the run.
        arguments: of the command line; this process's own when None.

    Raises RunFolderError when somebody works on the folder already; UserError when the new process ends at once.
    """
    from burnish.errors import RunFolderError
    from burnish.ledger.process import note_detached, working

    pid = working(folder)
    if pid is not None:
        raise RunFolderError(
            f"{folder} is in use by process {pid}",
            f"Look with: burnish monitor {folder}, or end it: burnish runs stop.",
        )
    said = list(sys.argv[1:] if arguments is None else arguments)
    log = folder / LOGS / DETACHED_LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell's background job ignores Ctrl-C, and so would ours
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-c", "from burnish.cli import main; main()", *(one for one in said if one != OPTION)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    note_detached(folder, process.pid)
    _wait(process, folder, log, before)
    return process.pid


def _wait(process: subprocess.Popen[bytes], folder: Path, log: Path, before: int) -> None:
    from burnish.errors import UserError
    from burnish.ledger.process import holder

    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and holder(folder) is None:
        code = process.poll()
        if code is not None:
            if code:
                said = log.read_bytes()[before:].decode(errors="replace").strip().splitlines()
                raise UserError(
                    f"the run ended at once with exit code {code}: {(said or ['it said nothing'])[-2:][0]}",
                    f"All it said stands in {log}.",
                )
            return
        time.sleep(0.05)
