"""A made-up run for the tests of the report: two measured stages, curves, and samples of every kind."""

from __future__ import annotations

import dataclasses
import math
import random

from burnish.ledger.metrics import MetricRow
from burnish.records import Completion, Diagnostic, Message, Rollout, Score, StageTime, Task, TestCounts, Verdict
from burnish.report.page.html import ReportData
from burnish.report.page.samples import StageAnswers, StageRollouts
from burnish.score.summaries.summary import build_summary
from tests.score.example_verdicts import measured

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
    tokens = 30 + len(text) % 37 + number % 11
    return Completion(
        task_id=f"rust-{number:04d}", text=text, prompt_tokens=60, completion_tokens=tokens, model_digest="c0ffee"
    )


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


def grpo_metrics(stage: str = "grpo", steps: int = 60, seed: int = 5) -> list[MetricRow]:
    """What reinforcement learning logs, step by step, under the names that its trainer uses."""
    chance = random.Random(seed)
    rows = []
    for step in range(1, steps + 1):
        way = step / steps
        values = {
            "loss": 0.02 * chance.gauss(0, 1),
            "learning_rate": 1e-4 * (1 - way),
            "grad_norm": 0.4 + 0.1 * chance.random(),
            "reward": 0.45 + 0.3 * way + chance.gauss(0, 0.02),
            "reward_std": 0.3 - 0.1 * way,
            "rewards/compile": 0.7 + 0.25 * way,
            "rewards/tests": 0.3 + 0.4 * way,
            "rewards/lints": 0.1 + 0.05 * way,
            "kl": 0.02 * way + 0.001 * chance.random(),
            "entropy": 0.9 - 0.5 * way,
            "rollouts/compile_rate": 0.75 + 0.2 * way,
            "rollouts/parse_rate": 0.9 + 0.09 * way,
            "rollouts/lint_free_rate": 0.7 + 0.2 * way,
            "rollouts/tests_passed": 0.4 + 0.3 * way,
            "rollouts/completion_length": 61 + 9 * way + chance.gauss(0, 2),
            "rollouts/truncated_share": 0.05 * (1 - way),
            "rollouts/infra_share": 0.0,
            "rollouts/groups_with_signal": 0.6 - 0.3 * way,
            "rollouts/lints": 0.4 - 0.2 * way,
            "clip_ratio/region_mean": 0.01 + 0.02 * way,
            "tokens_per_s": 900 + 40 * chance.random(),
            "peak_memory_bytes": 6e8,
            "seconds_generate": 3.0,
        }
        rows.append(MetricRow(stage, step, values))
    return rows


def expert_metrics(stage: str = "expert", rounds: int = 3) -> list[MetricRow]:
    """What expert iteration logs: a row of rates per round between the rows of its trainings."""
    rows = []
    for number in range(1, rounds + 1):
        way = number / rounds
        rates = {"compile_rate": 0.8 + 0.1 * way, "tests_passed": 0.5 + 0.2 * way, "tasks_solved": 0.7 + 0.2 * way}
        counted = {"kept": 200.0 + 90 * number, "tasks_mixed": 0.5 - 0.2 * way, "round": float(number), "verify_s": 4.0}
        rows.append(MetricRow(stage, 40 * (number - 1), rates | counted | {"reward": 0.5 + 0.25 * way}))
        rows += [
            MetricRow(stage, 40 * (number - 1) + step, {"loss": 0.6 / number * math.exp(-step / 40)})
            for step in range(5, 41, 5)
        ]
    return rows


def rollouts(stage: str = "grpo", steps: int = 3, group: int = 4) -> StageRollouts:
    """Groups of one task per step, with rewards and their parts; the last of each was never scored."""
    written = []
    for step in range(steps):
        for index, kind in enumerate(["ok", "tests_failed", "compile_error", "infra"][:group]):
            value = {"ok": 1.0, "tests_failed": 0.5, "compile_error": 0.1}.get(kind)
            score = Score(
                task_id=f"rust-{step:04d}",
                sample_index=index,
                value=value,
                unscored_reason="" if value is not None else "infra: the sandbox broke",
                components={} if value is None else {"reward_compile": value / 2, "reward_tests": value / 2},
            )
            key = {"sample_index": index}
            written.append(
                Rollout(
                    step=step,
                    completion=completion(step, GOOD if kind == "ok" else BAD).model_copy(update=key),
                    verdict=verdict(step, kind).model_copy(update=key),
                    score=score,
                )
            )
    return StageRollouts(stage, "step", [task(number) for number in range(steps)], written, 10 * len(written))


def reinforced_data(n: int = 40) -> ReportData:
    """A run that went on with expert iteration and reinforcement learning."""
    first = run_data(n)
    third = answers("measure-grpo", random.Random(9).choices(["ok", "tests_failed", "compile_error"], [80, 17, 3], k=n))
    stages = [measured(one.stage, one.verdicts, 60.0) for one in (*first.answers, third)]
    timings = [
        StageTime(
            name="sft",
            kind="sft",
            seconds=182.4,
            peak_bytes=812 << 20,
            accelerator_peak_bytes=5 << 30,
            predicted_peak_bytes=6 << 30,
        ),
        StageTime(name="expert", kind="expert_iteration", seconds=640.0, peak_bytes=901 << 20),
        StageTime(name="grpo", kind="grpo", seconds=3900.0, peak_bytes=1300 << 20, accelerator_peak_bytes=7 << 30),
        StageTime(name="measure-grpo", kind="evaluate", seconds=60.0),
    ]
    return dataclasses.replace(
        first,
        summary=build_summary(stages, timings),
        metrics=[*first.metrics, *expert_metrics(), *grpo_metrics()],
        answers=[*first.answers, third],
        rollouts=[rollouts()],
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
    stages = [measured(one.stage, one.verdicts, 60.0) for one in (before, after)]
    return ReportData(
        name="quickstart",
        summary=build_summary(stages, timings),
        recipe={"name": "quickstart", "seed": 0, "model": {"base": "nano"}, "stages": [{"kind": "sft", "name": "sft"}]},
        digests={"base model": "sha256:" + "ab" * 32, "code": "0.1.0"},
        facts={"burnish": "0.1.0", "processor": "Some CPU, 2 cores", "torch": "2.9.0"},
        metrics=metrics,
        answers=[before, after],
    )
