"""A source as rustc compiles it, for a linter that announces itself.

clippy-driver sets ``cfg(clippy)``, so a program may show it another text than the one that runs. In the text that is
linted the word is replaced by one that no condition knows, and the linter sees what the compiler sees; columns stay.
Names of lints (``clippy::all``) are no conditions and stay, unless a macro could turn one into the other.

Not covered: whether it compiles; plain rustc decides that, on the text as it stands.
"""

from __future__ import annotations

import re

_TOOL = re.compile(r"\b(?:clippy|rustfmt)\b")
_AS_CONDITION = re.compile(r"\b(?:clippy|rustfmt)\b(?!\s{0,8}::)")
_LINTER = re.compile(r"\bclippy\b(?!\s{0,8}::)")
_NOBODY = "cl1ppy"
ARGUMENTS = ("--check-cfg", f"cfg({_NOBODY})")
"""For the linter, so that the new word is no lint."""
UNSEEN = "clippy_cannot_see"
"""Stands among the lints of a program whose own text the linter could not be shown: it is not lint-free."""


def tells_the_linter(code: str) -> bool:
    """Whether a condition of the program may hold for the linter and not for the compiler."""
    return "cfg" in code and bool((_TOOL if "$" in code else _AS_CONDITION).search(code))


def as_compiled(code: str) -> str:
    """The text to lint."""
    return _LINTER.sub(_NOBODY, code)


def may_deceive(code: str) -> bool:
    """Whether a macro may make a condition of a lint's name."""
    return "$" in code and "clippy" in as_compiled(code)
