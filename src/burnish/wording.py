"""Put numbers before nouns in messages: ``1 row``, ``2 rows``. Not covered: how numbers with decimals are written."""

from __future__ import annotations


def counted(number: int, one: str, several: str = "") -> str:
    """Return the number and the form that goes with it, which may have a verb: ``row has``, ``rows have``.

    Without ``several`` the plural of ``one`` has an s.
    """
    return f"{number} {one if number == 1 else several or f'{one}s'}"
