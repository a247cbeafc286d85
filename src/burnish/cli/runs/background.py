"""``--detach`` and ``--supervise``: run the same command in the background, or as a child that is restarted.

A detached command returns once the run holds its folder, so that early errors still reach the terminal.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 60.0
"""Seconds to wait for the run to lock its folder; later it runs on unwatched."""


def supervised(folder: Path) -> None:
    """Run this command without ``--supervise``, restarting it after crashes; raise typer.Exit with its status."""
    import typer

    from burnish.workflows.manage.supervise import supervise

    raise typer.Exit(supervise(_without("--supervise"), folder))


def detached(folder: Path) -> None:
    """Start this command without ``--detach``, in the background; print how to watch and stop it.

    Raises RunFolderError when another process holds the folder; UserError when the new process ends at once.
    """
    import typer

    from burnish.errors import RunFolderError
    from burnish.ledger.process import note_detached, working
    from burnish.records.layout import DETACHED_LOG, LOGS

    pid = working(folder)
    if pid is not None:
        raise RunFolderError(
            f"{folder} is in use by process {pid}",
            f"Watch it with: burnish monitor {folder}, or stop it with: burnish runs stop {folder}.",
        )
    log = folder / LOGS / DETACHED_LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    # Background jobs of a shell inherit an ignored SIGINT, and so would the child.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            _without("--detach"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    note_detached(folder, process.pid)
    _wait(process, folder, log, before)
    typer.echo(f"process {process.pid}, log {log}")
    typer.echo(f"  watch: burnish monitor {folder}")
    typer.echo(f"  end:   burnish runs stop {folder}")


def _without(option: str) -> list[str]:
    """Return the command line of this process without an option."""
    from burnish.workflows.manage.supervise import program

    return program(*(argument for argument in sys.argv[1:] if argument != option))


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
