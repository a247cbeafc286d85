"""Answers that failed for a crate alone: every error follows from a name that no crate here has.

Not covered: whether the answer would be right with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from burnish.records import Verdict

_NAMED = re.compile(r"(?:unresolved import|crate or module|module or crate|unlinked crate|crate for) `(\w+)`")
_FOLLOWS = frozenset(
    {"E0432", "E0433", "E0463", "E0404", "E0405", "E0412", "E0422", "E0425", "E0531", "E0599", "E0282"}
)
"""Codes of errors about names that cannot be found, and of what is not known for want of them."""


def failed_for_a_crate(verdict: Verdict) -> str:
    """The crate that a verdict's errors are about; empty where there are others, or none."""
    errors = [one for one in verdict.diagnostics if one.level == "error"]
    if verdict.reason != "compile_error" or any(one.code not in _FOLLOWS for one in errors):
        return ""
    named = (found[1] for one in errors if (found := _NAMED.search(one.message)))
    return next((name for name in named if name not in ("crate", "self", "super", "std", "core", "alloc")), "")


def crate_failures(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Answers that failed for a crate alone, by crate, most frequent first."""
    return dict(Counter(name for verdict in verdicts if (name := failed_for_a_crate(verdict))).most_common())
