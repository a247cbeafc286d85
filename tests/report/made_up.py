"""A made-up run for the tests of the report: two measured stages, curves, and samples of every kind."""

from __future__ import annotations

import math
import random

from burnish.ledger.metrics import MetricRow
from burnish.records import Completion, Diagnostic, Message, StageTime, Task, TestCounts, Verdict
from burnish.report.html import ReportData
from burnish.report.samples import StageAnswers
from burnish.score.summary import MeasuredStage, build_summary

GOOD = """/// Counts the words of `text` that are longer than `limit`.
pub fn count_long_words(text: &str, limit: usize) -> usize {
    text.split_whitespace()
        .filter(|word| word.len() > limit)
        .count()
}
"""
BAD = """pub fn count_long_words(text: &str, limit: usize) -> usize {
    let mut total = 0;
    for word in text.split(" ") {
        if word.len() > limit {
            total += word;
        }
    }
    return total
}
"""


def task(number: int) -> Task:
    return Task(
        id=f"rust-{number:04d}",
        family="split-filter-count",
        level=1 + number % 3,
        prompt=(
            Message(role="system", content="Write one Rust function. Answer with code only."),
            Message(
                role="user",
                content=f"Write `count_long_words(text: &str, limit: usize) -> usize`: how many words of `text` "
                f"are longer than `limit` plus {number}?",
            ),
        ),
        reference=GOOD,
    )


def completion(number: int, text: str) -> Completion:
    return Completion(task_id=f"rust-{number:04d}", text=text, completion_tokens=71, model_digest="c0ffee")


def verdict(number: int, kind: str) -> Verdict:
    """``kind`` is a reason of `records.Reason`."""
    passed = {"ok": 12, "tests_failed": 9}
    diagnostics: tuple[Diagnostic, ...] = ()
    lints: tuple[str, ...] = ()
    if kind == "compile_error":
        codes = [("E0277", "cannot add-assign `&str` to `{integer}`"), ("E0308", "mismatched types")]
        code, message = codes[number % 2]
        diagnostics = (Diagnostic(level="error", code=code, message=message, line=5, column=19),)
    elif kind == "tests_failed":
        lints = ("clippy::needless_return",)
        diagnostics = (
            Diagnostic(level="warning", code=lints[0], message="unneeded `return` statement", line=8, column=5),
        )
    return Verdict(
        task_id=f"rust-{number:04d}",
        status="pass" if kind == "ok" else "infra" if kind == "infra" else "fail",
        stage={"compile_error": "check", "infra": "check", "no_code": "extract"}.get(kind, "test"),
        reason=kind,
        compiled=None if kind == "infra" else kind in ("ok", "tests_failed", "timeout"),
        code="" if kind in ("no_code", "infra") else GOOD if kind == "ok" else BAD,
        diagnostics=diagnostics,
        lints=lints,
        tests=TestCounts(run=12 if kind in passed else 0, passed=passed.get(kind, 0), expected=12),
        cpu_ms=38.0 + number,
        isolation=("bubblewrap 0.8.0", "namespaces", "rlimits", "seccomp"),
        toolchain="rustc 1.95.0, policy 3f2a",
    )


def answers(stage: str, kinds: list[str]) -> StageAnswers:
    texts = {"ok": GOOD, "no_code": "I cannot do that."}
    return StageAnswers(
        stage,
        [task(number) for number in range(len(kinds))],
        [completion(number, texts.get(kind, BAD)) for number, kind in enumerate(kinds)],
        [verdict(number, kind) for number, kind in enumerate(kinds)],
    )


def run_data(n: int = 40, seed: int = 3) -> ReportData:
    """A whole run of ``n`` tasks measured twice."""
    chance = random.Random(seed)
    kinds = ["ok", "tests_failed", "compile_error", "no_code", "timeout", "infra"]
    before = answers("measure-base", chance.choices(kinds, [12, 20, 60, 5, 2, 1], k=n))
    after = answers("measure-tuned", chance.choices(kinds, [70, 22, 7, 0.5, 0.5, 0], k=n))
    metrics = [
        MetricRow(
            "sft",
            step,
            {
                "loss": 0.2 + 2.4 * math.exp(-step / 60) + chance.gauss(0, 0.03),
                "learning_rate": 2e-3 * min(step / 20, (400 - step) / 380),
                "grad_norm": 1.0,
            },
        )
        for step in range(10, 400, 10)
    ]
    times = [("tasks", "tasks", 6.1), ("measure-base", "evaluate", 61.0), ("sft", "sft", 182.4)]
    timings = [StageTime(name=name, kind=kind, seconds=s, reused=kind == "tasks") for name, kind, s in times]
    stages = [MeasuredStage(one.stage, one.verdicts, 60.0) for one in (before, after)]
    return ReportData(
        name="quickstart",
        summary=build_summary(stages, timings),
        recipe={"name": "quickstart", "seed": 0, "model": {"base": "nano"}, "stages": [{"kind": "sft", "name": "sft"}]},
        digests={"base model": "sha256:" + "ab" * 32, "code": "0.1.0"},
        metrics=metrics,
        answers=[before, after],
    )
