"""Evaluate ``cfg`` conditions: ``all``, ``any``, ``not``, names, and ``name = "value"`` pairs.

Not covered: ``cfg_attr``; ``cfg(version(..))`` and the like, which count as false.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_TOKEN = re.compile(r'"[^"]*"|[A-Za-z_][A-Za-z_0-9]*|[(),=]')
TEST_BUILD = frozenset({"test", "unix", "debug_assertions", 'target_os="linux"', 'target_family="unix"'})
"""Facts that hold for a test source here, as far as tests use them; no feature is on."""


def holds(condition: str, facts: Collection[str] = TEST_BUILD) -> bool:
    """Evaluate the text between the parentheses of ``cfg``; ``facts`` are written as by ``rustc --print cfg``."""
    value, _ = _evaluate(_TOKEN.findall(condition), 0, facts)
    return value


def _evaluate(tokens: list[str], at: int, facts: Collection[str]) -> tuple[bool, int]:
    """Return the value of the predicate that begins at ``at``, and the position behind it."""
    if at >= len(tokens):
        return False, at
    name, at = tokens[at], at + 1
    if at < len(tokens) and tokens[at] == "(":
        at += 1
        values: list[bool] = []
        while at < len(tokens) and tokens[at] != ")":
            if tokens[at] == ",":
                at += 1
                continue
            value, at = _evaluate(tokens, at, facts)
            values.append(value)
        at += 1
        return {"all": all(values), "any": any(values), "not": not any(values)}.get(name, False), at
    if at + 1 < len(tokens) and tokens[at] == "=":
        return f"{name}={tokens[at + 1]}" in facts, at + 2
    return name in facts, at
