# ruff: noqa: E501
"""A verdict found in company is the one found alone, whatever the neighbours do."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.config.verify import VerifyConfig
from burnish.protocols import Job, JobResult, Sandbox
from burnish.records import Completion, Task, Verdict
from burnish.verify import Verifier
from burnish.verify.judge.batch import Together
from burnish.verify.judge.shared_crate_rule import may_join
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.separate import build
from tests.verify.separate.asking import ADD, ADD_TESTS, TASKS, task_of
from tests.verify.separate.test_attacks import ATTACKS

HONEST = [
    ("add", "pub fn add(a: i64, b: i64) -> i64 { a + b }"),
    ("add", "pub fn add(a: i64, b: i64) -> i64 { b + a }"),
    ("add", "pub fn add(a: i64, b: i64) -> i64 { a - b }"),
    ("add", "pub fn add(a: i64, b: i64) -> i64 { if a > 100 { panic!(\"large {a}\") } a + b }"),
    ("flip", "pub fn flip(values: &mut [i32]) { values.reverse(); }"),
    ("count", "use std::collections::HashMap;\npub fn count(text: &str) -> HashMap<char, u32> { let mut m = HashMap::new(); for c in text.chars() { *m.entry(c).or_default() += 1; } m }"),
    ("limit", "pub fn limited(x: u32) -> u32 { assert!(x < 5, \"too large\"); x }"),
    ("sort", "pub fn sort(mut x: Vec<i32>) -> Vec<i32> { x.sort(); x }"),
    ("word", "pub fn word(n: usize) -> String { \"a\".repeat(n) }"),
    ("shape", "#[derive(Debug, PartialEq)]\npub enum Shape { Dot, Line(i32), Rect { w: i32, h: i32 } }\npub fn widest(s: &[Shape]) -> Option<Shape> { if s.is_empty() { None } else { Some(Shape::Rect { w: 3, h: 1 }) } }"),
    ("add", "static BIG: [u8; 720 << 20] = [0; 720 << 20];\npub fn add(a: i64, b: i64) -> i64 { a + b + BIG[a as usize & 7] as i64 }"),
    ("add", "#/**/![no_std]\npub fn add(a: i64, b: i64) -> i64 { a + b }"),
]  # fmt: skip


class Builds(Sandbox):
    """Counts the compilations of another sandbox."""

    def __init__(self, inner: BubblewrapSandbox) -> None:
        self._inner = inner
        self.made = 0

    @property
    def layers(self) -> tuple[str, ...]:
        return self._inner.layers

    @property
    def joins(self) -> bool:
        return self._inner.joins

    def run(self, job: Job) -> JobResult:
        self.made += job.stage == "compile"
        return self._inner.run(job)


def judged(pairs: list[tuple[Task, str]], together: Together, sandbox: Sandbox | None = None) -> list[Verdict]:
    config = VerifyConfig(sandbox="bubblewrap", workers=1, infra_budget=1.0)
    with Verifier(config, together=together, sandbox=sandbox, prepared=False) as verifier:
        return verifier.verify(
            [(task, Completion(task_id=task.id, text=f"```rust\n{code}\n```")) for task, code in pairs]
        )


def stable_fields(verdict: Verdict) -> dict[str, Any]:
    return verdict.model_dump(exclude={"cpu_ms", "isolation"})


def test_what_joins_is_graded_as_alone() -> None:
    answers = [*HONEST, *((kind, code) for kind, code, _ in ATTACKS.values() if may_join(code, "2021"))]
    assert len(answers) > len(HONEST) + 8
    pairs = [(task_of(*TASKS[kind]).model_copy(update={"id": str(n)}), code) for n, (kind, code) in enumerate(answers)]
    alone, company = judged(pairs, "never"), judged(pairs, "always")
    assert [stable_fields(one) for one in company] == [stable_fields(one) for one in alone]
    assert {one.reason for one in alone[:10]} == {"ok", "tests_failed"}


def test_eight_answers_share_one_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_codec_folder", lambda: None)
    pairs = [(task_of(ADD, ADD_TESTS), f"pub fn add(a: i64, b: i64) -> i64 {{ {n} + a + b - {n} }}") for n in range(8)]
    inner = BubblewrapSandbox()
    counting = Builds(inner)
    try:
        verdicts = judged(pairs, "always", counting)
    finally:
        inner.close()
    assert [verdict.reason for verdict in verdicts] == ["ok"] * 8
    # Codec, entropy, the tests, one check, one server; a busy machine may repeat one. Unshared they are 19.
    assert 5 <= counting.made < 8


def test_a_neighbour_that_eats_memory_fails_alone() -> None:
    big = "static mut_: [u8; 3] = [1; 3];\npub static BIG: std::sync::Mutex<[u8; 720 << 20]> = std::sync::Mutex::new([0; 720 << 20]);\n"
    codes = [f"pub fn add(a: i64, b: i64) -> i64 {{ a + b + {n} - {n} }}" for n in range(5)]
    pairs = [(task_of(ADD, ADD_TESTS), code) for code in [*codes, big.replace("mut_", "M") + codes[0]]]
    assert [one.reason for one in judged(pairs, "always")][:5] == ["ok"] * 5
