"""Show the linter the source as rustc compiles it, although clippy announces itself.

clippy-driver sets ``cfg(clippy)``, so a program may show it another text than the one that runs. In the linted text the
word is replaced by an unknown one of equal length, so the linter sees what the compiler sees. Names of lints
(``clippy::all``) are not conditions and stay, unless a macro could turn one into the other.

Not covered: whether it compiles; plain rustc decides that, on the unchanged text.
"""

from __future__ import annotations

import re

_TOOL = re.compile(r"\b(?:clippy|rustfmt)\b")
_AS_CONDITION = re.compile(r"\b(?:clippy|rustfmt)\b(?!\s{0,8}::)")
_LINTER = re.compile(r"\bclippy\b(?!\s{0,8}::)")
_NOBODY = "cl1ppy"
ARGUMENTS = ("--check-cfg", f"cfg({_NOBODY})")
"""Option for the linter, so that the new word does not cause a lint."""
UNSEEN = "clippy_cannot_see"
"""Lint of a program whose own text cannot be shown to the linter: it is not lint-free."""


def tells_the_linter(code: str) -> bool:
    """Return whether a condition of the program may be true for the linter and false for the compiler."""
    return "cfg" in code and bool((_TOOL if "$" in code else _AS_CONDITION).search(code))


def as_compiled(code: str) -> str:
    """Return the text to lint."""
    return _LINTER.sub(_NOBODY, code)


def may_deceive(code: str) -> bool:
    """Return whether a macro may make a condition of a lint's name."""
    return "$" in code and "clippy" in as_compiled(code)
