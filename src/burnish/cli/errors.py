"""Report errors to the user: two lines on stderr and the exit code of the error's family."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from burnish.errors import BurnishError

INTERRUPTED = 130


@contextmanager
def reported(go_on: str = "Run the same command again.") -> Iterator[None]:
    """Report intended errors, a full disk and Ctrl-C; any other error keeps its traceback.

    ``go_on`` says how to continue after Ctrl-C.
    """
    try:
        yield
    except BurnishError as error:
        show_error(error.cause, error.way_out)
        raise typer.Exit(error.exit_code) from error
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            show_error(
                f"too many files are open at once: {error.filename or error.strerror}",
                "Allow more and run the same command again: ulimit -n 1024",
            )
            raise typer.Exit(4) from error
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" while writing {error.filename}" if error.filename else ""
        show_error(
            f"no space left on the disk{where}",
            "All files written earlier are intact: free some space and run the same command again.",
        )
        raise typer.Exit(4) from error
    except KeyboardInterrupt as error:
        show_error("interrupted", go_on)
        raise typer.Exit(INTERRUPTED) from error


def show_error(cause: str, way_out: str) -> None:
    """Print cause and way out to stderr."""
    sys.stderr.write(f"error: {cause}\n  -> {way_out}\n")
    sys.stderr.flush()
