"""One self-contained page per run: what was run, what came out, curves, errors, samples. Needs no network.

The template is ``page.html.j2`` with ``page.css`` and ``page.js`` written into it. Everything is escaped by the
template engine; samples travel as data (`report.page.samples`), and the page's content security policy allows the one
script by its digest, so that no other can run even if something slipped through.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burnish.fsio import write_atomic
from burnish.ledger.metrics import MetricRow
from burnish.records import Comparison, Summary
from burnish.report import text
from burnish.report.page.curves import training_curves
from burnish.report.page.figures import rates_figure
from burnish.report.page.lengths import length_rows, lengths_figure
from burnish.report.page.samples import StageAnswers, StageRollouts, browser_data, embed_json
from burnish.report.page.template import FOLDER, render_page

MOST_CODES = 15
"""Rows of the table of error codes; rarer ones are summed up."""


@dataclass(frozen=True)
class ReportData:
    """All a report shows. ``summary`` is the content of summary.json, ``metrics`` what `read_metrics` gives."""

    name: str
    summary: Mapping[str, Any]
    recipe: Mapping[str, Any]
    """The resolved recipe."""
    digests: Mapping[str, str]
    """What the run depends on -> its digest or version."""
    metrics: Sequence[MetricRow]
    answers: Sequence[StageAnswers]
    rollouts: Sequence[StageRollouts] = ()
    """What was written while training, stage by stage."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """When, by which version and on what machine it ran."""
    headline: tuple[str, str] | None = None
    """The two measured models whose comparison heads the page; None for the first and the last."""


@dataclass(frozen=True)
class CountRow:
    """One row of a table of counts: a name, an explanation, and a count with its share per stage."""

    name: str
    note: str
    cells: tuple[tuple[int, float], ...]


def write_html(path: Path, data: ReportData) -> None:
    """Write the page to ``path``, whole or not at all. Raises DiskError when it cannot be written."""
    write_atomic(path, render_html(data))


def render_html(data: ReportData) -> str:
    """The page as text; the same data gives the same page, byte for byte."""
    from markupsafe import Markup

    summary = Summary.model_validate(data.summary)
    script = (FOLDER / "page.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render_page(
        "page.html.j2",
        name=data.name,
        script=Markup(script),
        script_digest=digest,
        summary=summary,
        headline=_headline(summary, data.headline),
        rates={stage.name: stage for stage in summary.stages},
        pairs=_pairs(summary),
        infra=sum(stage.infra for stage in summary.stages),
        rates_svg=Markup(rates_figure(summary.stages)) if summary.stages else "",
        curves=[(one.stage, Markup(one.svg), one.averaged) for one in training_curves(data.metrics)],
        lengths_svg=Markup(lengths_figure(data.answers) or ""),
        lengths=length_rows(data.answers),
        style_rows=_metric_rows(summary),
        idiom_names={name for name, _ in _metric_rows(summary) if name.startswith("idiom_")},
        memory=_memory_columns(summary),
        longest=max((one.seconds for one in summary.timings), default=0.0),
        facts=dict(data.facts),
        reasons=_reason_rows(summary),
        codes=_code_rows(summary, data.answers),
        lints=_lint_rows(summary),
        digests=dict(data.digests) | _verifier_facts(data.answers),
        recipe=json.dumps(data.recipe, indent=2, ensure_ascii=False, default=str),
        samples=Markup(embed_json(browser_data(data.answers, data.rollouts))),
        sample_count=sum(len(one.verdicts) for one in data.answers) + sum(len(one.rollouts) for one in data.rollouts),
    )


def _headline(summary: Summary, pair: tuple[str, str] | None) -> list[Comparison]:
    """The comparisons a reader looks for: those of ``pair``, or of the last measured stage with the first."""
    if len(summary.stages) < 2:
        return []
    pair = pair or (summary.stages[0].name, summary.stages[-1].name)
    return [one for one in summary.comparisons if (one.a, one.b) == pair]


def _pairs(summary: Summary) -> list[tuple[tuple[str, str], list[Comparison]]]:
    grouped: dict[tuple[str, str], list[Comparison]] = {}
    for one in summary.comparisons:
        grouped.setdefault((one.a, one.b), []).append(one)
    return list(grouped.items())


def _metric_rows(summary: Summary) -> list[tuple[str, list[str]]]:
    """Syntax metrics that are not zero everywhere, a mean per stage; the idiom score and its parts first."""
    names = {name for stage in summary.stages for name, found in stage.metrics.items() if found.mean}
    return [
        (name, [f"{stage.metrics[name].mean:.3g}" if name in stage.metrics else "" for stage in summary.stages])
        for name in sorted(names, key=lambda name: (name != "idiom_score", not name.startswith("idiom_"), name))
    ]


def _memory_columns(summary: Summary) -> dict[str, str]:
    """Kinds of memory that are known of any stage."""
    return {
        column: title
        for column, title in text.MEMORY.items()
        if any(getattr(one, column) is not None for one in summary.timings)
    }


def _reason_rows(summary: Summary) -> list[CountRow]:
    notes: dict[str, str] = {
        "ok": "compiled, and all hidden tests passed",
        "no_code": "no Rust code in the answer",
        "compile_error": "the compiler refused it",
        "timeout": "ran out of time",
        "memory": "ran out of memory",
        "output_limit": "printed too much",
        "runtime_error": "panicked or was killed while running",
        "tests_failed": "ran, but gave a wrong value",
        "blocked": "used something the rules forbid",
        "infra": "no verdict: the machine failed, not the program",
    }
    counts = [{str(reason): count for reason, count in stage.reasons.items()} for stage in summary.stages]
    shown = [reason for reason in notes if any(reason in one for one in counts)]
    return [_row(summary, reason, notes[reason], counts) for reason in shown]


def _code_rows(summary: Summary, answers: Sequence[StageAnswers]) -> list[CountRow]:
    messages: dict[str, str] = {}
    for stage in answers:
        for verdict in stage.verdicts:
            for diagnostic in verdict.diagnostics:
                if diagnostic.level == "error":
                    messages.setdefault(diagnostic.code or "syntax", diagnostic.message)
    return _ranked(summary, [stage.error_codes for stage in summary.stages], messages)


def _lint_rows(summary: Summary) -> list[CountRow]:
    return _ranked(summary, [stage.lints for stage in summary.stages], {})


def _ranked(summary: Summary, counts: Sequence[Mapping[str, int]], notes: Mapping[str, str]) -> list[CountRow]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    names = sorted(total, key=lambda name: (-total[name], name))
    rows = [_row(summary, name, notes.get(name, ""), counts) for name in names[:MOST_CODES]]
    if rest := names[MOST_CODES:]:
        summed = [{"others": sum(one.get(name, 0) for name in rest)} for one in counts]
        rows.append(_row(summary, "others", f"{len(rest)} rarer ones, added up", summed))
    return rows


def _row(summary: Summary, name: str, note: str, counts: Sequence[Mapping[str, int]]) -> CountRow:
    cells = tuple(
        (one.get(name, 0), one.get(name, 0) / stage.n if stage.n else 0.0)
        for stage, one in zip(summary.stages, counts, strict=True)
    )
    return CountRow(name, note, cells)


def _verifier_facts(answers: Sequence[StageAnswers]) -> dict[str, str]:
    verdicts = [verdict for stage in answers for verdict in stage.verdicts]
    toolchains = sorted({verdict.toolchain for verdict in verdicts if verdict.toolchain})
    layers = sorted({", ".join(verdict.isolation) for verdict in verdicts if verdict.isolation})
    facts = {"toolchain of the verdicts": "; ".join(toolchains), "isolation of the verdicts": "; ".join(layers)}
    return {name: value for name, value in facts.items() if value}
