"""``logs/attempt_N.log``: log everything of one attempt at a run, including tracebacks.

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
    """File handler that stays silent on a full disk: the failing write reports it once."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


@contextmanager
def attempt_log(folder: Path) -> Iterator[Path]:
    """Write log records, warnings and an error's traceback into the next ``attempt_N.log``.

    Ctrl-C is logged without a traceback.
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
