"""``licence``: the row's SPDX expression does not allow the use.

``A OR B`` is allowed when one side is, ``A AND B`` when both are; ``A/B`` is Cargo's old spelling of OR. ``A WITH X``
is allowed when ``A`` is, since exceptions only permit more, or when the pair itself is listed. Case does not matter.
An expression that cannot be read is not allowed; an empty one is ``unknown``.

Not covered: what licences demand, and licence texts without an SPDX identifier.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from burnish.config.data.filters import Licence
from burnish.data.filters.base import RustCode
from burnish.records import Example

_TOKEN = re.compile(r"\s*([()/]|[A-Za-z0-9.+:-]+)")


class LicenceFilter:
    """Filter by an allow-list."""

    def __init__(self, config: Licence) -> None:
        self._allowed = frozenset(" ".join(licence.lower().split()) for licence in config.allow)
        self._keep_unknown = config.unknown == "keep"

    def keeps(self, example: Example, code: RustCode) -> bool:
        """Return whether the licence is allowed."""
        return is_allowed(example.licence, self._allowed) if example.licence.strip() else self._keep_unknown

    def detail(self, example: Example, code: RustCode) -> str:
        """Return the licence."""
        return example.licence or "unknown"


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Return whether an SPDX expression is satisfied by ``allowed`` (in lower case); False for one that cannot
    be read."""
    tokens = _tokens(expression.lower())
    if not tokens:
        return False
    try:
        value, rest = _either(tokens, allowed)
    except ValueError:
        return False
    return value and not rest


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    place = 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return []
        tokens.append("or" if match[1] == "/" else match[1])
        place = match.end()
    return tokens


def _either(tokens: list[str], allowed: Collection[str]) -> tuple[bool, list[str]]:
    value, rest = _both(tokens, allowed)
    while rest and rest[0] == "or":
        other, rest = _both(rest[1:], allowed)
        value = value or other
    return value, rest


def _both(tokens: list[str], allowed: Collection[str]) -> tuple[bool, list[str]]:
    value, rest = _one(tokens, allowed)
    while rest and rest[0] == "and":
        other, rest = _one(rest[1:], allowed)
        value = value and other
    return value, rest


def _one(tokens: list[str], allowed: Collection[str]) -> tuple[bool, list[str]]:
    if not tokens or tokens[0] in ("or", "and", "with", ")"):
        raise ValueError("a licence is missing")
    if tokens[0] == "(":
        value, rest = _either(tokens[1:], allowed)
        if not rest or rest[0] != ")":
            raise ValueError("a bracket is open")
        return value, rest[1:]
    name, rest = tokens[0], tokens[1:]
    if rest and rest[0] == "with":
        if len(rest) < 2:
            raise ValueError("an exception is missing")
        return name in allowed or f"{name} with {rest[1]}" in allowed, rest[2:]
    return name in allowed, rest
