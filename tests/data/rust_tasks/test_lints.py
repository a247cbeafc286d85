"""Tests that the naive answer to each kind of `lints` task solves it and draws the lint that its name promises."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from burnish.config.verify import VerifyConfig
from burnish.data.rust_tasks.advanced import lints
from burnish.data.rust_tasks.advanced.lints import Parts, Shape, draw_lints
from burnish.data.rust_tasks.advanced.pieces import draw_condition
from burnish.data.rust_tasks.draft import Head, function_draft
from burnish.data.rust_tasks.parts import draw_mapping
from burnish.records import Completion, Task, ValueTests
from burnish.verify import Verifier


def _at(p: Parts, place: str) -> str:
    """Return the mapping of a value in place of ``x``."""
    return re.sub(r"\bx\b", place, p.mapping.rust)


def _words(k: int) -> tuple[str, str, str]:
    return (("low", "mid", "high"), ("under", "on", "over"), ("less", "same", "more"))[k % 3]


def _stripped(p: Parts) -> str:
    prefix = ("ab", "no-", "x", "id:", "re")[p.k % 5]
    return (
        f'if {p.s}.starts_with("{prefix}") {{ let rest = &{p.s}[{len(prefix)}..];'
        f" let x: i64 = rest.parse().ok()?; if {p.predicate.rust} {{ return Some(x); }} }} None"
    )


NAIVE: dict[str, Callable[[Parts], str]] = {
    "needless-range-loop/positions": lambda p: (
        f"let mut out = Vec::new(); for i in 0..{p.v}.len() {{"
        f" let x = {p.v}[i]; if {p.predicate.rust} {{ out.push(i); }} }} out"
    ),
    "needless-range-loop/weighted": lambda p: (
        f"let mut total = 0; for i in 0..{p.v}.len() {{"
        f" let x = {p.v}[i]; if {p.predicate.rust} {{ total += i as i64 * ({p.mapping.rust}); }} }} total"
    ),
    "needless-range-loop/every": lambda p: (
        f"let mut out = Vec::new(); let mut n = 0; for i in 0..{p.v}.len() {{"
        f" let x = {p.v}[i]; if {p.predicate.rust} {{ n += 1; if n % {p.k} == 0 {{ out.push(x); }} }} }} out"
    ),
    "manual-find": lambda p: (
        f"for i in 0..{p.v}.len().min(other.len()) {{"
        f" if other[i] != {_at(p, f'{p.v}[i]')} {{ return Some(i); }} }} None"
    ),
    "same-item-push": lambda p: (
        f"let mut out = Vec::new(); for _ in 0..{p.k} {{ out.push({p.k + 2}); }}"
        f" for &x in {p.v} {{ out.push({p.mapping.rust}); }} out"
    ),
    "manual-clamp": lambda p: f"{p.v}.iter().map(|&x| ({p.mapping.rust}).max({p.low}).min({p.high})).collect()",
    "manual-flatten/sum": lambda p: (
        f"let mut total = 0; for x in {p.v} {{ if let Some(x) = x {{ let x = *x; total += {p.mapping.rust}; }} }} total"
    ),
    "manual-flatten/keep": lambda p: (
        f"let mut out = Vec::new(); for x in {p.v} {{"
        f" if let Some(x) = x {{ let x = *x; if {p.predicate.rust} {{ out.push(x); }} }} }} out"
    ),
    "filter-next": lambda p: f"{p.v}.iter().map(|&x| {p.mapping.rust}).filter(|&x| {p.predicate.rust}).next()",
    "manual-strip": _stripped,
    "result-filter-map": lambda p: (
        f"{p.s}.split_whitespace().map(|w| w.parse::<i64>()).filter(|r| r.is_ok())"
        f".map(|r| r.unwrap()).filter(|&x| {p.predicate.rust}).map(|x| {p.mapping.rust}).collect()"
    ),
    "manual-abs-diff": lambda p: (
        f"let x = a + b; if {p.predicate.rust} {{ return 0; }} if a > b {{ (a - b) as u64 }} else {{ (b - a) as u64 }}"
    ),
    "manual-div-ceil": lambda p: (
        f"let n = {p.v}.iter().filter(|&&x| {p.predicate.rust}).count(); (n + {p.k}) / {p.k + 1}"
    ),
    "manual-swap": lambda p: (
        f"let mut out: Vec<i64> = {p.v}.iter().map(|&x| {p.mapping.rust}).collect();"
        " if i < out.len() && j < out.len() { let t = out[i]; out[i] = out[j]; out[j] = t; } out"
    ),
    "len-zero": lambda p: f"if {p.v}.len() == 0 {{ return false; }} !{p.v}.iter().any(|&x| {p.predicate.rust})",
    "needless-bool": lambda p: f"if {p.predicate.rust} && {p.mapping.rust} > {p.k} {{ false }} else {{ true }}",
    "collapsible-if": lambda p: (
        f"let mut total = 0; for &x in {p.v} {{"
        f" if {p.predicate.rust} {{ if {p.mapping.rust} > {p.k} {{ total += x; }} }} }} total"
    ),
    "needless-return": lambda p: (
        f'if {p.mapping.rust} < {p.k} {{ return "{_words(p.k)[0]}"; }}'
        f' else if {p.mapping.rust} == {p.k} {{ return "{_words(p.k)[1]}"; }} else {{ return "{_words(p.k)[2]}"; }}'
    ),
    "question-mark": lambda p: (
        f"let x = match {p.v}.first() {{ Some(x) => x, None => return None, }}; let x = *x;"
        f" let last = {p.v}.iter().rfind(|&&x| {p.predicate.rust})?; Some({p.mapping.rust} + last)"
    ),
    "let-and-return": lambda p: (
        f"let mut seen: Vec<char> = {p.s}.chars().collect(); seen.sort_unstable();"
        f" seen.dedup(); let x = seen.len() as i64; let count = {p.mapping.rust}; count"
    ),
    "assign-op-pattern": lambda p: (
        f"let mut out = Vec::new(); let mut x = n; while x > 0 {{ out.push({p.mapping.rust}); x = x / {p.k + 1}; }} out"
    ),
}
"""Kind of shape -> the body that a beginner writes, on the parameters and parts of the shape."""


def naive_of(shape: Shape) -> Callable[[Parts], str]:
    return next(naive for kind, naive in NAIVE.items() if f"{shape.key}/".startswith(f"{kind}/"))


def test_the_naive_answer_solves_the_task_and_draws_the_lint_that_the_kind_is_named_after() -> None:
    rng = random.Random(0)
    parts = Parts("values", "text", draw_condition(rng), draw_mapping(rng), rng.randint(2, 5), -3, 4)
    shapes = [
        shape
        for group in (lints._by_index, lints._manual, lints._arithmetic, lints._needless)
        for shape in group(parts)
    ]
    pairs = []
    for shape in shapes:
        draft = function_draft(
            combination=shape.key,
            level=3,
            head=Head("f", shape.parameters, shape.returns),
            purpose=shape.purpose,
            body=naive_of(shape)(parts),
            draw=shape.draw,
            oracle=shape.oracle,
        )
        tests = ValueTests(cases=tuple(draft.draw_case(rng) for _ in range(6)))
        task = Task(id=shape.key, family=shape.key, prompt=(), entry_point="f", tests=tests)
        pairs.append((task, Completion(task_id=task.id, text=draft.code, finish_reason="given")))
    with Verifier(VerifyConfig(), together="always", prepared=True) as verifier:
        verdicts = verifier.verify(pairs)
    assert [(v.task_id, v.reason, v.detail) for v in verdicts if v.status != "pass"] == []
    lint_of = {v.task_id: f"clippy::{v.task_id.split('/')[0].replace('-', '_')}" for v in verdicts}
    assert [v.task_id for v in verdicts if lint_of[v.task_id] not in v.lints] == []


def test_every_kind_of_lint_task_has_a_naive_answer() -> None:
    rng = random.Random(0)
    drawn = {draw_lints(rng).combination.removeprefix("lints/") for _ in range(600)}
    kinds = {kind for kind in NAIVE for key in drawn if f"{key}/".startswith(f"{kind}/")}
    assert kinds == set(NAIVE)
    assert all(any(f"{key}/".startswith(f"{kind}/") for kind in NAIVE) for key in drawn)
