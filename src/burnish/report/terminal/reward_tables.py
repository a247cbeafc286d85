"""Print tables of a reward replay and a reward attack.

Not covered: the figures themselves (`score.rewards.comparison`, `workflows.rewards.attack`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.wording import counted

_LINES = 12
"""Most lines shown of a wrong program."""


def show_replay(report: Mapping[str, Any], console: Console) -> None:
    """Print figures per shape, then the wrong programs with the highest rewards."""
    table = Table("shape", "scored", "mean", "groups", "with signal", "tau tests", "rho length")
    for shape in report["shapes"]:
        table.add_row(
            shape["shape"],
            f"{shape['scored']}/{report['samples']}",
            _number(shape["mean"]),
            str(shape["groups"]),
            "-" if shape["signal_share"] is None else f"{shape['signal_share']:.1%}",
            _number(shape["tau_tests"]),
            _number(shape["rho_length"]),
        )
    console.print(table)
    for shape in report["shapes"]:
        for reason, count in shape["unscored"].items():
            console.print(Text(f"{shape['shape']}: {count} unscored: {reason}"), soft_wrap=True)
        for wrong in shape["top_wrong"]:
            tests = f"{wrong['passed']}/{wrong['expected']} tests"
            head = f"{shape['shape']}: {wrong['reward']:.3f} for {wrong['task_id']}, {wrong['reason']}, {tests}"
            console.print(Text(head, style="bold"), soft_wrap=True)
            lines = wrong["code"].strip().splitlines()
            more = [f"... {len(lines) - _LINES} more lines"] if len(lines) > _LINES else []
            console.print(Text("\n".join(f"    {line}" for line in [*lines[:_LINES], *more])), soft_wrap=True)
    judged = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report["judged"].items())
    console.print(f"{counted(report['samples'], 'sample')}: {judged}.", soft_wrap=True)


def show_attack(report: Mapping[str, Any], console: Console) -> None:
    """Print the result of each shape, then every breach."""
    table = Table("shape", "bounds", "best cheat", "lowest honest wrong", "lowest right", "breaches")
    for shape in report["shapes"]:
        low, high = shape["bounds"]
        best = [f"{shape[name]:.3f}" for name in ("best_cheat", "lowest_wrong", "lowest_right")]
        table.add_row(shape["shape"], f"{low:g}..{high:g}", *best, str(shape["breaches"]))
    console.print(table)
    if report["breaches"]:
        breaches = Table("shape", "task", "answer", "problem", "reward", "limit")
        for breach in report["breaches"]:
            numbers = (_number(breach["reward"]), _number(breach["limit"]))
            breaches.add_row(breach["shape"], breach["task"], breach["answer"], Text(breach["problem"]), *numbers)
        console.print(breaches)
    counts = ", ".join(f"{count} {role}" for role, count in report["answers"].items())
    console.print(f"{counts}: {'withstood' if report['withstood'] else 'NOT withstood'}.", soft_wrap=True)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
