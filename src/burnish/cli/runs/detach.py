"""``--detach``: run the same command in the background, with a log and a pid file in the run's folder.

The command returns once the run holds its folder, so that early errors still reach the terminal.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

OPTION = "--detach"
PATIENCE_S = 60.0
"""Seconds to wait for the run to lock its folder; later it runs on unwatched."""


def detached(folder: Path) -> None:
    """Start this command in the background and print how to watch and stop it."""
    import typer

    from burnish.records.layout import DETACHED_LOG, LOGS

    pid = detach(folder)
    typer.echo(f"process {pid}, log {folder / LOGS / DETACHED_LOG}")
    typer.echo(f"  watch: burnish monitor {folder}")
    typer.echo(f"  end:   burnish runs stop {folder}")


def detach(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Start this program without `OPTION`, detached from the terminal; return its process id.

    Args:
        folder: of the run.
        arguments: of the command line; this process's own when None.

    Raises RunFolderError when another process holds the folder; UserError when the new process ends at once.
    """
    from burnish.errors import RunFolderError
    from burnish.ledger.process import note_detached, working
    from burnish.records.layout import DETACHED_LOG, LOGS

    pid = working(folder)
    if pid is not None:
        raise RunFolderError(
            f"{folder} is in use by process {pid}",
            f"Watch it with: burnish monitor {folder}, or stop it with: burnish runs stop {folder}.",
        )
    given = sys.argv[1:] if arguments is None else arguments
    command = [argument for argument in given if argument != OPTION]
    log = folder / LOGS / DETACHED_LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    # Background jobs of a shell inherit an ignored SIGINT, and so would the child.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-c", "from burnish.cli import main; main()", *command],
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
                output = log.read_bytes()[before:].decode(errors="replace").strip().splitlines()
                raise UserError(
                    f"the run ended at once with exit code {code}: {(output or ['no output'])[-2:][0]}",
                    f"Read its output in {log}.",
                )
            return
        time.sleep(0.05)
