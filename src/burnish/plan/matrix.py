"""Show which kinds of training, base and adapter are compatible, as a text table. Nothing is loaded or looked
up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from burnish.config.compatibility import LABELS, Row, rows

COLUMNS = ("trained", "base", "methods", "merge onto", "export", "serve")
REFUSED = "-"


@dataclass(frozen=True)
class MatrixTable:
    """Rows of cells under `COLUMNS`, and the reasons that cells refer to by number."""

    rows: Sequence[tuple[str, ...]]
    reasons: Sequence[str]
    """``[1]`` in a cell is the first."""


def plan_matrix() -> MatrixTable:
    """Build the table of every kind of training on every kind of base."""
    reasons: list[str] = []

    def note(reason: str) -> str:
        if reason not in reasons:
            reasons.append(reason)
        return f"{REFUSED} [{reasons.index(reason) + 1}]"

    def cells(row: Row) -> tuple[str, ...]:
        named = (LABELS[row.trained], "none" if row.base == "none" else LABELS[row.base])
        if row.refusal:
            return (*named, note(row.refusal), REFUSED, REFUSED, REFUSED)
        return (*named, ", ".join(row.methods), row.merge or note(row.merge_refusal), row.export, row.serve)

    return MatrixTable([cells(row) for row in rows()], reasons)
