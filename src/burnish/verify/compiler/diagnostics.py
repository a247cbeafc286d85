"""Parse what rustc and clippy-driver write with ``--error-format=json`` (one JSON object per line on stderr).

rustc ends with summary messages ("aborting due to 2 previous errors"); they have neither a code nor a span and are not
counted. A message of that shape is kept only when it is the sole error, as for a linker's failure.

Messages are normalised, so that they do not depend on other programs in the crate: the compiler explains once per crate
why a lint is on, where it first fires, and orders lints by its passes. That note is removed, and warnings are ordered
by position; errors keep the compiler's order, since the first is mostly the cause of the others.

Not covered: artifact notices and future-incompatibility reports, which are not requested.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from burnish.records import Diagnostic

_ERRORS = frozenset({"error", "error: internal compiler error"})
_ERROR_CODE = re.compile(r"E\d{4}")
_LEVEL_NOTE = re.compile(
    r"^ *= (?:note: (?:`#\[(?:warn|deny|forbid)\([^`]*`.* on by default|requested on the command line with .*"
    r"|`-[^`]*` implied by .*)|help: to override `[^`]*` add .*)\n",
    re.MULTILINE,
)
"""Notes that explain why a lint is on. Notes about the program's own attributes are kept."""
_MOST_KEPT = 40
_MOST_LINTS = 500
_MESSAGE_CHARS = 400
_RENDERED_CHARS = 1500
"""Caps on what a verdict stores, about 64 kB in all; counts include the rest."""


@dataclass(frozen=True)
class Diagnostics:
    """Messages of a compiler."""

    kept: tuple[Diagnostic, ...]
    errors: int
    lints: tuple[str, ...]
    codes: frozenset[str | None]
    """Codes of all errors; None for errors without one, such as syntax errors."""


def read_diagnostics(stderr: bytes) -> Diagnostics:
    """Parse a compiler's stderr; skip lines that are not JSON (a crash's backtrace)."""
    diagnostics: list[Diagnostic] = []
    spanless: list[Diagnostic] = []
    for line in stderr.splitlines():
        if not line.startswith(b"{"):
            continue
        try:
            message = json.loads(line)
        except ValueError:  # a line truncated by a kill
            continue
        diagnostic = _diagnostic(message)
        if diagnostic is None:
            continue
        if diagnostic.code is None and not message.get("spans"):
            spanless.append(diagnostic)
        else:
            diagnostics.append(diagnostic)
    errors = [d for d in diagnostics if d.level == "error"]
    if not errors:
        first_error = [d for d in spanless if d.level == "error"][:1]
        errors = first_error
        diagnostics += first_error
    diagnostics.sort(key=lambda d: (d.line or 0, d.column or 0))
    lints = [d.code for d in diagnostics if d.code is not None and not _ERROR_CODE.fullmatch(d.code)]
    ordered = errors + [d for d in diagnostics if d.level == "warning"]
    return Diagnostics(
        kept=tuple(ordered[:_MOST_KEPT]),
        errors=len(errors),
        lints=tuple(lints[:_MOST_LINTS]),
        codes=frozenset(d.code for d in errors),
    )


def _diagnostic(message: dict[str, Any]) -> Diagnostic | None:
    level = message.get("level")
    if level not in _ERRORS and level != "warning":
        return None
    code = message.get("code") or {}
    spans = message.get("spans") or []
    span = next((s for s in spans if s.get("is_primary")), spans[0] if spans else {})
    return Diagnostic(
        level="warning" if level == "warning" else "error",
        code=code.get("code"),
        message=str(message.get("message", ""))[:_MESSAGE_CHARS],
        line=span.get("line_start"),
        column=span.get("column_start"),
        rendered=_canonical(str(message.get("rendered") or ""))[:_RENDERED_CHARS],
    )


def _canonical(rendered: str) -> str:
    """Remove what depends on the rest of the crate, and the margin that remains."""
    lines = _LEVEL_NOTE.sub("", rendered).rstrip().split("\n")
    while lines and not lines[-1].strip(" |"):
        lines.pop()
    return "\n".join(lines) + "\n"
