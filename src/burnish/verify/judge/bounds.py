"""Bound the length of an answer: 256 KiB. A longer one is ``fail``, reason ``too_long``, before anything reads it.

No program for a task is nearly as long, and reading a text costs time that its author controls.

Not covered: the time of each reader; every pattern and every walk is linear in the length.
"""

from __future__ import annotations

import re

MOST_ANSWER_BYTES = 256 * 1024
_FENCED = re.compile(r"\A(`{3,64})rust\n(.*)\n\1\n\Z", re.DOTALL)
"""Matches a whole answer in one fence, as rows of programs are passed on."""


def is_too_long(text: str) -> bool:
    """Return whether an answer has more UTF-8 bytes than the bound; a fence around the whole does not count."""
    if len(text) <= MOST_ANSWER_BYTES // 4:
        return False
    size = _bytes(text)
    if size <= MOST_ANSWER_BYTES:
        return False
    fenced = _FENCED.match(text) if size <= MOST_ANSWER_BYTES + 256 else None
    return fenced is None or _bytes(fenced[2]) > MOST_ANSWER_BYTES


def bounded(text: str) -> str:
    """Return the text if it is within the bound, otherwise an empty one."""
    return "" if is_too_long(text) else text


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
