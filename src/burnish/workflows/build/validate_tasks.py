"""Validate a task set before use: references must pass; wrong and empty answers must fail.

    tasks -> reference, wrong answers, empty answers -> verdicts -> report.json + exclusions.json + a table

A task is excluded when its tests are missing or cut off, its reference fails, or a wrong or empty answer passes. A task
without proof (no reference, or infra such as a missing crate) is listed and stays in.

Left out on purpose: fixing tasks, and inventing wrong answers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from burnish.config.verify import VerifyConfig
from burnish.data.tasks.task_sets import read_any_tasks, require_rust
from burnish.errors import RunFolderError
from burnish.fsio import digest_file, write_atomic, write_json
from burnish.records import Completion, Exclusion, RustTests, Task, TaskExclusions, ValueTests, Verdict
from burnish.records.layout import EXCLUSIONS, VALIDATION_REPORT, VERDICT_CACHE
from burnish.syntax.source import parse
from burnish.verify.grader.rust_tests import plan_tests
from burnish.verify.grader.stubs import stub_program
from burnish.verify.separate.decision import Decision
from burnish.workflows.verify.judge import open_verifier

_OURS = frozenset({VALIDATION_REPORT, EXCLUSIONS, VERDICT_CACHE})

Role = Literal["reference", "wrong", "empty"]


@dataclass(frozen=True)
class _Answer:
    """One answer to a task, and its expected result."""

    role: Role
    name: str
    """Label of the answer, such as ``wrong answer 2``."""
    text: str


def validate_tasks(path: Path, out: Path, config: VerifyConfig) -> dict[str, Any]:
    """Judge every answer; return the content of ``report.json``.

    ``exclusions.json`` is for ``tasks.exclude`` of an evaluation. Raises DataError for a file that cannot be read,
    RunFolderError when ``out`` holds something else, and what `Verifier.verify` raises.
    """
    tasks = read_any_tasks(path)
    require_rust(tasks)
    if out.exists() and (not out.is_dir() or any(p.name.split("-")[0] not in _OURS for p in out.iterdir())):
        raise RunFolderError(f"{out} is not a validation folder.", f"Give a new folder, or remove {out}.")
    given = [(task, answer) for task in tasks for answer in _answers(task)]
    # Tasks that `min_grading` would refuse are listed in the report, not raised.
    judging = config.model_copy(update={"min_grading": "in_process"})
    with open_verifier(judging, beside=out) as verifier:
        pairs = [(task, Completion(task_id=task.id, text=answer.text, finish_reason="given")) for task, answer in given]
        verdicts = verifier.verify(pairs)
        decisions = verifier.gradings(tasks)
    by_task: defaultdict[str, list[tuple[_Answer, Verdict]]] = defaultdict(list)
    for (task, answer), verdict in zip(given, verdicts, strict=True):
        by_task[task.id].append((answer, verdict))
    separate_only = config.min_grading == "separate"
    excluded = []
    for task in tasks:
        exclusion = _exclusion(task, by_task[task.id])
        decision = decisions.get(task.id) if separate_only and exclusion is None else None
        if decision is not None and not decision.surely_separate:
            exclusion = Exclusion(id=task.id, reason="in_process_grading", detail=decision.reason)
        excluded += [] if exclusion is None else [exclusion]
    excluded_ids = {exclusion.id for exclusion in excluded}
    unproven = [row for task in tasks if task.id not in excluded_ids for row in _unproven(task, by_task[task.id])]
    record = TaskExclusions(
        tasks=path.name,
        digest=digest_file(path),
        toolchain=next((verdict.toolchain for verdict in verdicts), ""),
        excluded=tuple(excluded),
    )
    report = {
        "tasks": len(tasks),
        "sound": len(tasks) - len(excluded) - len({row["id"] for row in unproven}),
        "answers": dict(Counter(answer.role for _, answer in given)),
        "reasons": dict(Counter(exclusion.reason for exclusion in excluded).most_common()),
        "excluded": [exclusion.model_dump() for exclusion in excluded],
        "unproven": unproven,
        "grading": {task.id: _grading(task, decisions.get(task.id)) for task in tasks},
        "gradings": dict(Counter(_grading(task, decisions.get(task.id))["grading"] for task in tasks).most_common()),
    }
    write_atomic(out / EXCLUSIONS, record.to_json() + "\n")
    write_json(out / VALIDATION_REPORT, report)
    return report


def _answers(task: Task) -> list[_Answer]:
    """List the answers to judge; empty when the task has no tests."""
    if _missing_tests(task) is not None:
        return []
    answers = [_Answer("empty", "no answer", "")]
    if task.reference is not None:
        answers.append(_Answer("reference", "the reference", task.reference))
        stub = stub_program(task.reference, task.entry_point)
        if stub is not None:
            answers.append(_Answer("empty", "a body without code", f"```rust\n{stub}\n```\n"))
    answers += [_Answer("wrong", f"wrong answer {n}", text) for n, text in enumerate(task.wrong, 1)]
    return answers


def _missing_tests(task: Task) -> str | None:
    """Return why a task cannot be judged; None when it can."""
    if task.tests is None:
        return "the task has no tests"
    if isinstance(task.tests, ValueTests) and not task.tests.cases:
        return "the task has no cases"
    plan = plan_tests(task.tests) if isinstance(task.tests, RustTests) else None
    if plan is not None and not plan.functions and not plan.by_macro:
        return "the tests have no test function"
    return None


def _exclusion(task: Task, judged: Sequence[tuple[_Answer, Verdict]]) -> Exclusion | None:
    """Return the first problem of a task."""
    # tree-sitter may lag behind the newest syntax: tests that a reference passes are complete, whatever the tree shows
    torn = isinstance(task.tests, RustTests) and parse(task.tests.source).has_error
    proven = any(answer.role == "reference" and verdict.status == "pass" for answer, verdict in judged)
    if torn and not proven:
        return Exclusion(id=task.id, reason="tests_cut_off", detail="the tests are not complete Rust")
    missing = _missing_tests(task)
    if missing is not None:
        return Exclusion(id=task.id, reason="no_tests", detail=missing)
    for answer, verdict in judged:
        if answer.role == "reference" and verdict.status == "fail":
            return Exclusion(id=task.id, reason="reference_fails", detail=_why(verdict))
    for answer, verdict in judged:
        if verdict.status == "pass" and answer.role == "wrong":
            return Exclusion(id=task.id, reason="wrong_answer_passes", detail=answer.name)
        if verdict.status == "pass" and answer.role == "empty":
            return Exclusion(id=task.id, reason="empty_answer_passes", detail=answer.name)
    return None


def _unproven(task: Task, judged: Sequence[tuple[_Answer, Verdict]]) -> list[dict[str, str]]:
    """Return why a kept task is not proven sound; empty when it is."""
    faults = [verdict.detail for _, verdict in judged if verdict.status == "infra"]
    if faults:
        return [{"id": task.id, "reason": "infra", "detail": faults[0]}]
    return [] if task.reference is not None else [{"id": task.id, "reason": "no_reference", "detail": ""}]


def _grading(task: Task, decision: Decision | None) -> dict[str, str]:
    """Return where the tests of a task run, and why."""
    match task.tests:
        case RustTests() if decision is not None:
            grading = "by_answer" if decision.by_answer else decision.grading or "unknown"
            return {"grading": grading, "reason": decision.reason}
        case RustTests():
            return {"grading": "unknown", "reason": "the task needs crates that are not built here"}
        case None:
            return {"grading": "none", "reason": "the task has no tests"}
        case _:
            return {"grading": "separate", "reason": "what is expected is compared outside of the sandbox"}


def _why(verdict: Verdict) -> str:
    """Format stage, reason and first message."""
    first = next(
        (f"{d.message} ({d.code})" if d.code else d.message for d in verdict.diagnostics if d.level == "error"), ""
    )
    detail = " ".join((verdict.detail or first).split())
    counts = verdict.tests
    tests = f"{counts.passed} of {counts.expected} tests pass" if counts.expected and verdict.stage == "test" else ""
    return "; ".join(part for part in (f"{verdict.reason} at {verdict.stage}", tests, detail) if part)
