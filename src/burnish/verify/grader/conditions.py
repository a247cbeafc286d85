"""Whether ``#[cfg(..)]`` leaves an item of a test source in, read as the harness's build will: ``test`` holds, no
feature is on, and the target is the machine's own.

Not covered: ``cfg_attr``; conditions that a build script sets.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r'"[^"]*"|[A-Za-z_][A-Za-z_0-9]*|[(),=]')
_HOLDS = frozenset({"test", "unix", "debug_assertions", "panic", "target_os", "target_family", "target_pointer_width"})


def holds(condition: str) -> bool:
    """Evaluate what stands between the parentheses of ``cfg``; a name that is unknown here does not hold."""
    value, _ = _evaluate(_TOKEN.findall(condition), 0)
    return value


def _evaluate(tokens: list[str], at: int) -> tuple[bool, int]:
    """Value of the predicate that begins at ``at``, and the place behind it."""
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
            value, at = _evaluate(tokens, at)
            values.append(value)
        at += 1
        return {"all": all(values), "any": any(values), "not": not any(values)}.get(name, False), at
    if at + 1 < len(tokens) and tokens[at] == "=":
        return name in _HOLDS and tokens[at + 1] in ('"linux"', '"unix"', '"64"', '"unwind"'), at + 2
    return name in _HOLDS, at
