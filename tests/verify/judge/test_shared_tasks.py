# ruff: noqa: E501
"""Tasks that are prepared together are graded as each is alone, whatever the others hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Edition, Message, RustTests, Task
from burnish.verify import Verifier
from burnish.verify.judge import shared_tasks
from burnish.verify.separate.build import TestSource

RIGHT = "pub fn f(x: i32) -> i32 { x + 1 }"
WRONG = 'pub fn f(x: i32) -> i32 { if x > 100 { panic!("tested_0::f tested_1.rs {x}") } x }'
TESTS = {
    "plain": "#[test] fn t() { assert_eq!(f(1), 2); }",
    "same names": "#[test] fn t() { assert_eq!(f(2), 3); }",
    "in a module": "#[cfg(test)] mod tests { use super::*;\n #[test] fn b() { assert_eq!(f(1), 2) }\n #[test] fn a() { assert_eq!(f(2), 3) } }",
    "ignored": "#[test] fn t() { assert_eq!(f(1), 2); }\n#[test] #[ignore] fn i() { assert_eq!(f(1), 7); }",
    "panics": "#[test] #[should_panic(expected = \"left == right\")] fn t() { assert_eq!(f(1), 7); }",
    "through its root": "#[test] fn t() { assert_eq!(crate::f(1), 2); }",
    "by a macro": "macro_rules! eq { ($a:expr, $b:expr) => { assert_eq!($a, $b) } }\n#[test] fn t() { eq!(f(1), 2); }",
    "an operator for all": "struct P; impl PartialEq<P> for i32 { fn eq(&self, _: &P) -> bool { true } }\n#[test] fn t() { assert_eq!(f(1), 2); }",
    "main": "fn main() { assert_eq!(f(1), 2); }",
    "another main": "fn main() { assert_eq!(f(3), 4); assert_eq!(f(200), 201); }",
    "no test of theirs": "#[test] fn t() { assert_eq!(g(1), 2); }",
    "does not compile": "#[test] fn t() { assert_eq!(f(1), \"2\"); }",
    "its reference fails": "#[test] fn t() { assert_eq!(f(1), 9); }",
    "long": "#[test] fn t() { assert_eq!(f(1), 2); }" + "\n// long" * 3000,
    "out of its root": "#[test] fn t() { use super::super::*; assert_eq!(f(1), 2); }",
}  # fmt: skip


def task_of(name: str, tests: str) -> Task:
    return Task(
        id=name, family="f", prompt=(Message(role="user", content="Write f."),), entry_point="f",
        tests=RustTests(source=tests), reference=RIGHT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)) as verifier:
        yield verifier


def test_verdicts_and_decisions_equal_those_of_each_task_alone(alone: Verifier, tmp_path: Path) -> None:
    tasks = [task_of(name, tests) for name, tests in TESTS.items()]
    pairs = [(task, Completion(task_id=task.id, text=code)) for task in tasks for code in (RIGHT, WRONG)]
    config = VerifyConfig(sandbox="bubblewrap", infra_budget=1.0, workers=1, cache=tmp_path / "v.sqlite")
    with Verifier(config) as verifier:
        together = verifier.verify(pairs)
        decided = verifier.gradings(tasks)
    with Verifier(config) as again:  # its programs are read from the files beside the cache
        reread = again.gradings(tasks)
    for pair, verdict in zip(pairs, together, strict=True):
        (wanted,) = alone.verify([pair])
        for field in ("status", "stage", "reason", "detail", "tests", "grading", "diagnostics", "lints"):
            assert getattr(verdict, field) == getattr(wanted, field), (pair[0].id, field)
    for task in tasks:
        wanted_decision = alone.grading_of(task)
        assert wanted_decision is not None
        wanted_pair = (wanted_decision.grading, wanted_decision.reason)
        assert (decided[task.id].grading, decided[task.id].reason) == wanted_pair
        assert (reread[task.id].grading, reread[task.id].reason) == wanted_pair


def test_tasks_are_built_and_tried_in_three_compilations(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    build = shared_tasks.SharedTasks._build_tests

    def counted(self: shared_tasks.SharedTasks, sources: dict[int, TestSource], edition: Edition) -> None:
        sizes.append(len(sources))
        build(self, sources, edition)

    monkeypatch.setattr(shared_tasks.SharedTasks, "_build_tests", counted)
    names = ("plain", "same names", "in a module", "ignored", "panics", "main", "another main")
    with Verifier(VerifyConfig(sandbox="bubblewrap", workers=1)) as verifier:
        decided = verifier.gradings([task_of(name, TESTS[name]) for name in names])
    assert {decision.reason for decision in decided.values()} == {"its reference passes"}
    assert sizes == [5, 2]
