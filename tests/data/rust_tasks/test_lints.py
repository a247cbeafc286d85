"""Tests that the naive answer to each kind of `lints` task draws the lint that its name promises."""

from __future__ import annotations

import random

from burnish.config.verify import VerifyConfig
from burnish.data.rust_tasks.advanced.lints import draw_lints
from burnish.records import Completion, Task, ValueCase, ValueTests
from burnish.verify import Verifier

NAIVE = {
    "needless-range-loop": "pub fn f(v: &[i64]) -> Vec<usize> { let mut out = Vec::new();"
    " for i in 0..v.len() { if v[i] > 3 { out.push(i); } } out }",
    "manual-find": "pub fn f(v: &[i64], other: &[i64]) -> Option<usize> {"
    " for i in 0..v.len().min(other.len()) { if v[i] * 2 != other[i] { return Some(i); } } None }",
    "same-item-push": "pub fn f(v: &[i64]) -> Vec<i64> { let mut out = Vec::new();"
    " for _ in 0..3 { out.push(4); } for x in v { out.push(x * 2); } out }",
    "manual-clamp": "pub fn f(v: &[i64]) -> Vec<i64> { v.iter().map(|x| (x * 2).max(1).min(9)).collect() }",
    "manual-flatten": "pub fn f(v: &[Option<i64>]) -> i64 { let mut t = 0;"
    " for x in v { if let Some(y) = x { t += y * 2; } } t }",
    "filter-next": "pub fn f(v: &[i64]) -> Option<i64> { v.iter().map(|x| x * 2).filter(|&x| x > 3).next() }",
    "manual-strip": "pub fn f(s: &str) -> Option<i64> {"
    ' if s.starts_with("ab") { let rest = &s[2..]; return rest.parse().ok(); } None }',
    "result-filter-map": "pub fn f(s: &str) -> Vec<i64> {"
    " s.split_whitespace().map(|w| w.parse::<i64>()).filter(|r| r.is_ok()).map(|r| r.unwrap()).collect() }",
    "manual-abs-diff": "pub fn f(a: i64, b: i64) -> u64 { if a > b { (a - b) as u64 } else { (b - a) as u64 } }",
    "manual-div-ceil": "pub fn f(v: &[i64]) -> usize { let n = v.iter().filter(|&&x| x > 2).count(); (n + 3) / 4 }",
    "manual-swap": "pub fn f(v: &[i64], i: usize, j: usize) -> Vec<i64> { let mut out = v.to_vec();"
    " if i < out.len() && j < out.len() { let t = out[i]; out[i] = out[j]; out[j] = t; } out }",
    "len-zero": "pub fn f(v: &[i64]) -> bool { if v.len() == 0 { return false; } !v.iter().any(|&x| x > 3) }",
    "needless-bool": "pub fn f(x: i64) -> bool { if x > 3 && x * 2 > 5 { false } else { true } }",
    "collapsible-if": "pub fn f(v: &[i64]) -> i64 { let mut t = 0;"
    " for &x in v { if x > 3 { if x * 2 > 5 { t += x; } } } t }",
    "needless-return": "pub fn f(x: i64) -> &'static str {"
    ' if x < 3 { return "low"; } else if x == 3 { return "mid"; } else { return "high"; } }',
    "question-mark": "pub fn f(v: &[i64]) -> Option<i64> {"
    " let x = match v.first() { Some(x) => x, None => return None, }; Some(x * 2 + v.last()?) }",
    "let-and-return": "pub fn f(s: &str) -> usize { let count = s.len() * 2; count }",
    "assign-op-pattern": "pub fn f(n: i64) -> Vec<i64> { let mut out = Vec::new(); let mut x = n;"
    " while x > 0 { out.push(x * 2); x = x / 3; } out }",
}


def test_the_naive_answer_draws_the_lint_that_the_kind_is_named_after() -> None:
    tests = ValueTests(cases=(ValueCase(call="1", type="i64", expected="1"),))
    tasks = [Task(id=lint, family=lint, prompt=(), entry_point="f", tests=tests) for lint in NAIVE]
    pairs = [(task, Completion(task_id=task.id, text=NAIVE[task.id], finish_reason="given")) for task in tasks]
    with Verifier(VerifyConfig(), together="always", prepared=True) as verifier:
        verdicts = verifier.verify(pairs)
    missing = [v.task_id for v in verdicts if f"clippy::{v.task_id.replace('-', '_')}" not in v.lints]
    assert not missing


def test_every_kind_of_lint_task_is_named_after_such_a_lint() -> None:
    rng = random.Random(0)
    assert {draw_lints(rng).combination.split("/")[1] for _ in range(600)} == set(NAIVE)
