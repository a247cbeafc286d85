"""How much of an answer is looked at: 256 KiB. A longer one is ``fail``, reason ``too_long``, before anything reads it.

No program that a task asks for is nearly as long, and every look at a text costs time that its author chooses.

Not covered: how long each look takes; every pattern and every walk takes time that grows with the length alone.
"""

from __future__ import annotations

import re

MOST_ANSWER_BYTES = 256 * 1024
_FENCED = re.compile(r"\A(`{3,64})rust\n(.*)\n\1\n\Z", re.DOTALL)
"""A whole answer in one fence, as rows of programs are handed on."""


def is_too_long(text: str) -> bool:
    """Whether an answer has more bytes of UTF-8 than are looked at; a fence around the whole is no part of it."""
    if len(text) <= MOST_ANSWER_BYTES // 4:
        return False
    size = _bytes(text)
    if size <= MOST_ANSWER_BYTES:
        return False
    fenced = _FENCED.match(text) if size <= MOST_ANSWER_BYTES + 256 else None
    return fenced is None or _bytes(fenced[2]) > MOST_ANSWER_BYTES


def bounded(text: str) -> str:
    """The text where it may be looked at, else nothing."""
    return "" if is_too_long(text) else text


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
