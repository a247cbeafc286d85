"""``--supervise``: the same command as a child, started again whenever it crashes or is killed."""

from __future__ import annotations

import sys
from pathlib import Path

OPTION = "--supervise"


def supervised(folder: Path) -> None:
    """Run the command that runs now without `OPTION` until it ends on purpose; raises typer.Exit with its status."""
    import typer

    from burnish.workflows.manage.supervise import supervise

    said = [one for one in sys.argv[1:] if one != OPTION]
    status = supervise([sys.executable, "-c", "from burnish.cli import main; main()", *said], folder)
    raise typer.Exit(status)
