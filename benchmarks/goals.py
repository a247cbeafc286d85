"""Goals of a benchmark: a table for people and a JSON file for whoever compares runs.

A missed goal is shown, not raised: a benchmark measures, tests judge.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Goal:
    """One measured value and what it should be. ``goal`` is words, such as ``< 0.5 s``; ``met`` is the judgement."""

    name: str
    value: float
    goal: str
    met: bool


def below(name: str, value: float, limit: float, unit: str = "") -> Goal:
    """A value that should stay under ``limit``."""
    return Goal(name, value, f"< {limit:g} {unit}".rstrip(), value < limit)


def table(goals: Sequence[Goal]) -> str:
    """One line per goal, columns aligned."""
    rows = [("benchmark", "value", "goal", "met")]
    rows += [(goal.name, f"{goal.value:.3f}", goal.goal, "yes" if goal.met else "NO") for goal in goals]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    aligned = (f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d}" for a, b, c, d in rows)
    return "\n".join(line.rstrip() for line in aligned)


def report(goals: Sequence[Goal], json_file: Path | None) -> None:
    """Print the table; write ``{"goals": [...]}`` when a file is named."""
    print(table(goals))
    if json_file is not None:
        json_file.write_text(json.dumps({"goals": [asdict(goal) for goal in goals]}, indent=2) + "\n")
