"""Format numbers with nouns in messages, ``1 row``, ``2 rows``, and errors of libraries. Not covered: decimals."""

from __future__ import annotations


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return the number with the matching form, which may have a verb: ``row has``, ``rows have``.

    Without ``plural`` an s is appended to ``singular``.
    """
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without its full stop; its kind if it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
