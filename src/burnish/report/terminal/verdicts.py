"""Print the summary of a verified file as tables: rates, reasons, compiler errors, causes of infra.

Not covered: single verdicts, which are in ``verdicts.jsonl``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from burnish.report.rust_results import ranked
from burnish.report.terminal.answers import new_table
from burnish.report.terminal.table import MOST_ERRORS
from burnish.report.text import METRIC_NAMES, percent, percent_interval
from burnish.wording import counted


def render_verdicts(summary: Mapping[str, Any], console: Console) -> None:
    """Print a summary of verdicts."""
    n, infra = summary["n"], summary["infra"]
    rates = new_table("Verdicts, in per cent with 95 % intervals", numbers=("n", *METRIC_NAMES.values(), "infra"))
    cells = [_rate(summary["rates"][metric]) for metric in METRIC_NAMES]
    rates.add_row(Text(str(n)), *cells, Text(str(infra)))
    console.print(rates)
    untested = summary.get("untested", 0)
    tests = f" {counted(untested, 'row has', 'rows have')} no tests to pass." if untested else ""
    console.print(f"Rates over all attempted; Wilson intervals.{tests}", style="dim")
    _counts("Reasons", "reason", summary["reasons"], n, console)
    _counts("Programs that showed a compiler error", "error", summary["error_codes"], n, console)
    for cause, count in summary.get("infra_causes", {}).items():
        console.print(Text(f"{count} without a verdict (infra, no fault of the answer): {cause}"), soft_wrap=True)
    lacking = dict(summary.get("crates_not_built", {}))
    command = lacking.pop("build_them", "")
    if lacking:
        named = ", ".join(f"{name} ({count})" for name, count in lacking.items())
        advice = f"Answers that failed for a crate alone, which no task names: {named}. A set is built by: {command}"
        console.print(Text(advice), soft_wrap=True)
    if summary.get("rejected_rows"):
        rejected = counted(summary["rejected_rows"], "row was", "rows were")
        console.print(Text(f"{rejected} not read: rejected.jsonl says why."))


def _rate(measured: Mapping[str, Any]) -> Text:
    """Format a rate with its interval; a dash where it has no value."""
    if measured["rate"] is None:
        return Text("-")
    return Text(f"{percent(measured['rate'])}\n{percent_interval(measured['ci95'])}")


def _counts(title: str, kind: str, counts: Mapping[str, int], n: int, console: Console) -> None:
    if not counts:
        return
    table = new_table(title, kind, numbers=("answers", "%"))
    for name in ranked([counts])[:MOST_ERRORS]:
        table.add_row(Text(name), Text(str(counts[name])), Text(percent(counts[name] / n)))
    console.print(table)
