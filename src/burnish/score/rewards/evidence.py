"""Derive from a verdict the numbers that reward shapes are made of.

``tests`` is the share of hidden tests passed, corrected for what a constant answer would pass, as kappa is corrected
for chance (J. Cohen, Educational and Psychological Measurement 20 (1960)):

    tests = max(0, (share - constant) / (1 - constant)),   and 1 on a pass

``constant`` is the share of the tests that the best constant per function passes, read from the expected values:
tests that call the same functions for the same type form a group, each group of two or more gives its commonest
value, and a program's group is its outputs. Where every value is the same, only a pass counts.

A part of the tests counts when all of them ran (a program's runs end at its first failure): a process that exits,
loops or is killed half-way earns nothing by the tests before.

Not covered: guesses that are not constants. A coin toss on a yes/no task is sometimes above ``constant``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property

from burnish.records import ProgramTests, RustTests, Task, ValueTests, Verdict

_CALLED = re.compile(r"\b([a-z_]\w*)\s*\(")
_RAN_TO_ITS_END = frozenset({"ok", "tests_failed", "runtime_error"})


@dataclass(frozen=True)
class Evidence:
    """One verdict with its task; the verdict is not infra, and the task has tests."""

    verdict: Verdict
    task: Task
    partial_rust_tests: bool = False
    """Whether a share of Rust tests counts, or only all of them."""

    @property
    def passed(self) -> bool:
        """Return whether every hidden test passed."""
        return self.verdict.status == "pass"

    @property
    def has_code(self) -> bool:
        """Return whether there was code to compile."""
        return self.verdict.stage != "extract"

    @property
    def fits(self) -> bool:
        """Return whether it compiles and its tests could run: the required items exist, with their signatures."""
        return bool(self.verdict.compiled) and self.verdict.stage == "test"

    @property
    def share(self) -> float:
        """Return the share of hidden tests passed, in 0..1, uncorrected."""
        return passed_share(self.verdict)

    @cached_property
    def tests(self) -> float:
        """Return the share of hidden tests passed above a constant answer, in 0..1."""
        if self.passed:
            return 1.0
        counts = self.verdict.tests
        # all tests passed without a pass: the program did not reach its end
        ended = counts.passed < counts.expected and self.verdict.reason in _RAN_TO_ITS_END
        whole = counts.run == counts.expected or isinstance(self.task.tests, ProgramTests)
        countable = self.partial_rust_tests or not isinstance(self.task.tests, RustTests)
        if not (self.fits and ended and whole and countable):
            return 0.0
        constant = constant_share(self.task)
        return max(0.0, (self.share - constant) / (1 - constant)) if constant < 1 else 0.0

    def metric(self, name: str, default: float = 0.0) -> float:
        """Return a syntax metric; ``default`` where the program does not have it."""
        return self.verdict.metrics.get(name, default)

    @property
    def documented(self) -> float:
        """Return the documented share of the items that need documentation, in 0..1."""
        return self.metric("documented_share", 1.0) if self.verdict.metrics else 0.0

    def components(self) -> dict[str, float]:
        """Return the components that every shape logs beside its own terms."""
        values = {
            "compiled": float(bool(self.verdict.compiled)),
            "parsed": float(self.has_code and self.verdict.stage != "parse"),
            "fits": float(self.fits),
            "tests_share": self.share,
            "tests_above_constant": self.tests,
            "lints": float(len(self.verdict.lints)),
        }
        kept = ("documented_share", "idiom_score", "prompt_word_match")
        return values | {name: self.verdict.metrics[name] for name in kept if name in self.verdict.metrics}


def passed_share(verdict: Verdict) -> float:
    """Return the share of hidden tests passed, in 0..1: 1 on a pass, 0 when the number of tests is unknown."""
    if verdict.status == "pass":
        return 1.0
    counts = verdict.tests
    return min(1.0, counts.passed / counts.expected) if counts.expected else 0.0


def constant_share(task: Task) -> float:
    """Return the share of the task's tests that the best constant answer passes, in 0..1; 0 when unknown."""
    match task.tests:
        case ValueTests(cases=cases):
            return _commonest(((case.type, frozenset(_CALLED.findall(case.call))), case.expected) for case in cases)
        case ProgramTests(runs=runs):
            return _commonest(("", run.expected_stdout) for run in runs if run.expected_stdout is not None)
        case _:
            return 0.0


def _commonest(answers: Iterable[tuple[Hashable, str]]) -> float:
    groups: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    for group, value in answers:
        groups[group][value] += 1
    total = sum(group.total() for group in groups.values())
    hits = sum(max(group.values()) for group in groups.values() if group.total() > 1)
    return hits / total if total else 0.0
