"""Render one self-contained page per run: recipe, results, curves, errors, samples. It needs no network.

The template is ``page.html.j2`` with ``page.css`` and ``page.js`` written into it. Everything is escaped by the
template engine; samples travel as data (`report.page.samples`), and the page's content security policy allows the one
script by its digest, so that no other script can run even if escaping failed.
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
from burnish.records.summary import Comparison, Summary
from burnish.report import text
from burnish.report.page.curves import training_curves
from burnish.report.page.figures import rates_figure
from burnish.report.page.lengths import length_rows, lengths_figure
from burnish.report.page.samples import StageAnswers, StageRollouts, browser_data, embed_json
from burnish.report.page.template import FOLDER, render_page
from burnish.report.rust_results import RustResult, part_rows, ranked, rust_results
from burnish.report.terminal import answers

MOST_CODES = 15
"""Rows of the table of error codes; rarer codes are summed up."""


@dataclass(frozen=True)
class ReportData:
    """All data of a report. ``metrics`` is what `read_metrics` gives."""

    name: str
    summary: Summary
    recipe: Mapping[str, Any]
    """The resolved recipe."""
    digests: Mapping[str, str]
    """Dependency of the run -> its digest or version."""
    metrics: Sequence[MetricRow]
    answers: Sequence[StageAnswers]
    rollouts: Sequence[StageRollouts] = ()
    """Samples written during training, stage by stage."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Time, version and machine of the run."""
    headline: tuple[str, str] | None = None
    """The two measured models of the headline comparison; None for the first and the last."""


@dataclass(frozen=True)
class CountRow:
    """One row of a table of counts: a name, an explanation, and a count with its share per stage."""

    name: str
    note: str
    cells: tuple[tuple[int, float], ...]


def write_html(path: Path, data: ReportData) -> None:
    """Write the page to ``path`` atomically. Raises DiskError when it cannot be written."""
    write_atomic(path, render_html(data))


def render_html(data: ReportData) -> str:
    """Return the page as text; the same data gives the same page, byte for byte."""
    from markupsafe import Markup

    summary, rust = data.summary, rust_results(data.summary)
    script = (FOLDER / "page.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render_page(
        "page.html.j2",
        name=data.name,
        script=Markup(script),
        script_digest=digest,
        summary=summary,
        rust=rust,
        answers=answers,
        headline=_headline(summary, data.headline),
        infra=sum(result.kind.infra for result in rust),
        families=max((result.kind.families for result in rust), default=0),
        parts=part_rows(rust),
        rates_svg=Markup(rates_figure(rust)) if rust else "",
        curves=[(curve.stage, Markup(curve.svg), curve.averaged) for curve in training_curves(data.metrics)],
        lengths_svg=Markup(lengths_figure(data.answers) or ""),
        lengths=length_rows(data.answers),
        style_rows=_metric_rows(rust),
        idiom_names={name for name, _ in _metric_rows(rust) if name.startswith("idiom_")},
        memory=text.memory_columns(summary.timings),
        longest=max((timing.seconds for timing in summary.timings), default=0.0),
        facts=dict(data.facts),
        reasons=_reason_rows(rust),
        codes=_code_rows(rust, data.answers),
        lints=_ranked(rust, [result.code.lints for result in rust], {}),
        digests=dict(data.digests) | _verifier_facts(data.answers),
        recipe=json.dumps(data.recipe, indent=2, ensure_ascii=False, default=str),
        samples=Markup(embed_json(browser_data(data.answers, data.rollouts))),
        sample_count=sum(len(stage.verdicts) for stage in data.answers)
        + sum(len(stage.rollouts) for stage in data.rollouts),
    )


def _headline(summary: Summary, pair: tuple[str, str] | None) -> Comparison | None:
    """Return the headline comparison: that of ``pair``, or of the last measured model with the first."""
    if len(summary.models) < 2:
        return None
    pair = pair or (summary.models[0].name, summary.models[-1].name)
    return next((comparison for comparison in summary.comparisons if (comparison.a, comparison.b) == pair), None)


def _metric_rows(rust: Sequence[RustResult]) -> list[tuple[str, list[str]]]:
    """Return syntax metrics that are not zero everywhere, a mean per model; the idiom score and its parts first."""
    means = [result.code.metrics for result in rust]
    names = {name for by_name in means for name, mean in by_name.items() if mean.mean}
    return [
        (name, [f"{by_name[name].mean:.3g}" if name in by_name else "" for by_name in means])
        for name in sorted(names, key=lambda name: (name != "idiom_score", not name.startswith("idiom_"), name))
    ]


def _reason_rows(rust: Sequence[RustResult]) -> list[CountRow]:
    notes: dict[str, str] = {
        "ok": "compiled, and all hidden tests passed",
        "no_code": "no Rust code in the answer",
        "too_long": "longer than what is looked at",
        "compile_error": "the compiler refused it",
        "timeout": "ran out of time",
        "memory": "ran out of memory",
        "output_limit": "printed too much",
        "runtime_error": "panicked or was killed while running",
        "tests_failed": "ran, but gave a wrong value",
        "blocked": "used something the rules forbid",
        "infra": "no verdict: the machine failed, not the program",
    }
    counts = [result.kind.problems for result in rust]
    shown = [reason for reason in notes if any(reason in by_reason for by_reason in counts)]
    return [_row(rust, reason, notes[reason], counts) for reason in shown]


def _code_rows(rust: Sequence[RustResult], answers: Sequence[StageAnswers]) -> list[CountRow]:
    messages: dict[str, str] = {}
    for stage in answers:
        for verdict in stage.verdicts:
            for diagnostic in verdict.diagnostics:
                if diagnostic.level == "error":
                    messages.setdefault(diagnostic.code or "syntax", diagnostic.message)
    return _ranked(rust, [result.code.error_codes for result in rust], messages)


def _ranked(
    rust: Sequence[RustResult], counts: Sequence[Mapping[str, int]], notes: Mapping[str, str]
) -> list[CountRow]:
    names = ranked(counts)
    rows = [_row(rust, name, notes.get(name, ""), counts) for name in names[:MOST_CODES]]
    if rest := names[MOST_CODES:]:
        summed = [{"others": sum(by_name.get(name, 0) for name in rest)} for by_name in counts]
        rows.append(_row(rust, "others", f"{len(rest)} rarer ones, added up", summed))
    return rows


def _row(rust: Sequence[RustResult], name: str, note: str, counts: Sequence[Mapping[str, int]]) -> CountRow:
    cells = tuple(
        (by_name.get(name, 0), by_name.get(name, 0) / result.n if result.n else 0.0)
        for result, by_name in zip(rust, counts, strict=True)
    )
    return CountRow(name, note, cells)


def _verifier_facts(answers: Sequence[StageAnswers]) -> dict[str, str]:
    verdicts = [verdict for stage in answers for verdict in stage.verdicts]
    toolchains = sorted({verdict.toolchain for verdict in verdicts if verdict.toolchain})
    layers = sorted({", ".join(verdict.isolation) for verdict in verdicts if verdict.isolation})
    facts = {"toolchain of the verdicts": "; ".join(toolchains), "isolation of the verdicts": "; ".join(layers)}
    return {name: value for name, value in facts.items() if value}
