"""Report errors to the user: two lines on stderr and the exit code of the error's family."""

from __future__ import annotations

import errno
import itertools
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from burnish.errors import BurnishError

INTERRUPTED = 130
USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""Base of all errors in options and arguments, which typer does not export."""


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


def show_usage_error(error: Any, arguments: Sequence[str]) -> None:
    """Print what is wrong with an option or argument; ``arguments`` are all that followed the program's name."""
    message = str(error.format_message()).rstrip(".").replace("Value error, ", "")
    if not message:  # a verb without arguments, whose help was shown
        return
    verb = error.ctx.command_path if error.ctx is not None else "burnish"
    torn = _torn_value(arguments) if "unexpected extra argument" in message else None
    way_out = f"See: {verb} --help" if torn is None else f"A value with spaces needs quotes: --set {shlex.quote(torn)}"
    show_error(f"{verb}: {message[:1].lower()}{message[1:]}", way_out)


def _torn_value(arguments: Sequence[str]) -> str | None:
    """Return the value of the first ``--set`` that a shell split at its spaces, rejoined; None without one."""
    for place, argument in enumerate(arguments):
        if argument != "--set":
            continue
        parts = list(itertools.takewhile(lambda part: not part.startswith("--"), arguments[place + 1 :]))
        if len(parts) > 1 and "=" in parts[0]:
            return " ".join(parts)
    return None
