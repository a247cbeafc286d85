"""Reads what rustc and clippy-driver write with ``--error-format=json`` (one JSON object per line on stderr).

rustc ends with summary messages ("aborting due to 2 previous errors"); they have neither a code nor a span and are not
counted. A message of that shape is kept only when it is the sole error, as for a linker's failure.

What is kept has one form, whoever else was compiled along: the compiler says once per crate why a lint is on, at the
first place that it fires, and orders lints by when it looked for them. That note is left out, and warnings are ordered
by place; errors stay in the compiler's order, since the first is mostly the cause of the others.

Not covered: artifact notices and future-incompatibility reports, which are not asked for.
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
"""Why a lint is on. What stands in an attribute of the program itself is its own, and kept."""
_MOST_KEPT = 40
_MOST_LINTS = 500
_MESSAGE_CHARS = 400
_RENDERED_CHARS = 1500
"""Caps on what a verdict stores, about 64 kB in all; counting goes on past them."""


@dataclass(frozen=True)
class Diagnostics:
    """What a compiler said."""

    kept: tuple[Diagnostic, ...]
    errors: int
    lints: tuple[str, ...]
    codes: frozenset[str | None]
    """Codes of all errors; None stands for errors without one, such as syntax errors."""


def read_diagnostics(stderr: bytes) -> Diagnostics:
    """Parse a compiler's stderr; lines that are not JSON (a crash's backtrace) are passed over."""
    found: list[Diagnostic] = []
    spanless: list[Diagnostic] = []
    for line in stderr.splitlines():
        if not line.startswith(b"{"):
            continue
        try:
            message = json.loads(line)
        except ValueError:  # a line that a kill cut off
            continue
        diagnostic = _diagnostic(message)
        if diagnostic is None:
            continue
        if diagnostic.code is None and not message.get("spans"):
            spanless.append(diagnostic)
        else:
            found.append(diagnostic)
    errors = [d for d in found if d.level == "error"]
    if not errors:
        alone = [d for d in spanless if d.level == "error"][:1]
        errors = alone
        found += alone
    found.sort(key=lambda d: (d.line or 0, d.column or 0))
    lints = [d.code for d in found if d.code is not None and not _ERROR_CODE.fullmatch(d.code)]
    ordered = errors + [d for d in found if d.level == "warning"]
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
    """Without what depends on the rest of the crate, nor the margin that it leaves behind."""
    lines = _LEVEL_NOTE.sub("", rendered).rstrip().split("\n")
    while lines and not lines[-1].strip(" |"):
        lines.pop()
    return "\n".join(lines) + "\n"
