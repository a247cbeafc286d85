"""Assign a compiler's messages to the programs that share a crate, by the file that a message names.

Not covered: errors that name no file; then nothing is known of any program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from burnish.verify.compiler.diagnostics import read_diagnostics

_OWN_FILE = re.compile(r"(?:joined|tested)_(\d+)\.rs")


def by_file(stderr: bytes) -> dict[int, list[bytes]] | None:
    """Group a compiler's messages by the program whose file they name; None when an error names none."""
    by_file: dict[int, list[bytes]] = {}
    for line in stderr.splitlines():
        if not line.startswith(b"{"):
            continue
        try:
            message = json.loads(line)
        except ValueError:
            return None
        spans = message.get("spans") or []
        owners = {match[1] for s in spans if (match := _OWN_FILE.fullmatch(s["file_name"]))}
        if len(owners) == 1:
            by_file.setdefault(int(owners.pop()), []).append(line)
        elif spans or message.get("code"):
            return None
    return by_file


def at_fault(spoken: Mapping[int, Sequence[bytes]]) -> set[int]:
    """Return the programs with errors."""
    return {i for i, lines in spoken.items() if read_diagnostics(b"\n".join(lines)).errors}
