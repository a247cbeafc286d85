"""``--supervise``: run the same command as a child; restart it after a crash or a kill."""

from __future__ import annotations

import sys
from pathlib import Path

OPTION = "--supervise"


def supervised(folder: Path) -> None:
    """Run this command without `OPTION`, restarting it after crashes; raise typer.Exit with its status."""
    import typer

    from burnish.workflows.manage.supervise import supervise

    command = [argument for argument in sys.argv[1:] if argument != OPTION]
    status = supervise([sys.executable, "-c", "from burnish.cli import main; main()", *command], folder)
    raise typer.Exit(status)
