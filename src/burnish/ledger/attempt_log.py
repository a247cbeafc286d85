"""``logs/attempt_N.log``: everything that one attempt at a run says through logging, tracebacks too.

Not covered: what is printed to the terminal (`cli` does that).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from burnish.fsio import disk_errors

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _AttemptHandler(logging.FileHandler):
    """Stays silent when the disk is full: what the record is about says so itself, once, with a way out."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


@contextmanager
def attempt_log(folder: Path) -> Iterator[Path]:
    """Write log records and warnings into the next ``attempt_N.log`` while the body runs; an error with its traceback.

    Ctrl-C is noted without one.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"attempt_{1 + max(_numbers(folder), default=0)}.log"
        handler = _AttemptHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(min(before, logging.INFO) if before else logging.INFO)
    logging.captureWarnings(True)
    try:
        yield path
    except KeyboardInterrupt:
        handler.handle(logging.makeLogRecord(_record("interrupted")))
        raise
    except BaseException as error:
        record = logging.makeLogRecord(_record(f"ended by {type(error).__name__}"))
        record.exc_info = (type(error), error, error.__traceback__)
        handler.handle(record)
        raise
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()


def _record(message: str) -> dict[str, object]:
    return {"name": "burnish", "levelno": logging.ERROR, "levelname": "ERROR", "msg": message}


def _numbers(folder: Path) -> list[int]:
    stems = (path.stem.removeprefix("attempt_") for path in folder.glob("attempt_*.log"))
    return [int(stem) for stem in stems if stem.isdecimal()]
