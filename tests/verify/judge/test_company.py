"""Who else was judged along never shows: each verdict is the one that the program gets alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.same_verdicts import Judged, differences

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Task, ValueCase, ValueTests, Verdict
from burnish.verify import Verifier
from burnish.verify.compiler.compile import RUN_LIMITS
from burnish.verify.judge import batch, ladder, shared_servers
from burnish.verify.judge.ladder import Goal
from burnish.verify.judge.shared_crate_rule import may_join

ADD = ValueTests(cases=(ValueCase(call="add(2, 3)", type="i64", expected="5"),))
HONEST = [f"pub fn add(a: i64, b: i64) -> i64 {{ let n{n} = a; n{n} + b }}" for n in range(3)]
STATIC = (
    "static BIG: std::sync::Mutex<[u8; 80 << 20]> = std::sync::Mutex::new([0; 80 << 20]);\n"
    "pub fn add(a: i64, b: i64) -> i64 { a + b + BIG.lock().unwrap()[a as usize] as i64 }"
)
ODD = [
    STATIC,
    STATIC.replace("80 <<", "40 <<"),
    "static BIG: [u64; 1_000_000] = [1; 1_000_000];\npub fn add(a: i64, b: i64) -> i64 { a + b - 1 + BIG[3] as i64 }",
    "pub fn add(a: i64, b: i64) -> i64 { a + b + Vec::<u8>::new().try_reserve(300 << 20).is_err() as i64 }",
    "pub fn add(_: i64, _: i64) -> i64 { std::process::exit(0) }",
    "pub fn add(_: i64, _: i64) -> i64 { std::process::abort() }",
    "pub fn add(a: i64, b: i64) -> i64 { if b == 3 { add(a, b) + 1 } else { 5 } }",
    'pub fn add(a: i64, b: i64) -> i64 { println!("\\nend"); a + b }',
    "pub fn add(a: i64, b: i64) -> i64 { let v = vec![1u8; 700 << 20]; a + b + v[5] as i64 - 1 }",
    "pub fn add(a: i64, b: i64) -> i64 { let x = 1; let mut y = 2; return a + b; }",
    "pub fn add(a: i64, b: i64) -> i64 { let x = 1; return a + b; }",
    "pub fn add(a: i64, b: i64) -> i64 { panic!(\"no\") }",
    "pub fn add(a: i64, b: i64) -> i64 { a + b + helper() }\nfn helper() -> i64 { 0 }\nfn unused() {}",
]  # fmt: skip


def judged(codes: list[str], goal: Goal = "test") -> list[Judged]:
    return [
        (
            Task(id=str(n), family="f", prompt=(), tests=ADD),
            Completion(task_id=str(n), text=f"```rust\n{code}\n```\n"),
            goal,
        )
        for n, code in enumerate(codes)
    ]


@pytest.mark.parametrize("goal", ["test", "check"])
def test_verdicts_in_company_are_those_found_alone(goal: Goal) -> None:
    different, unstable = differences(judged([*HONEST, *ODD], goal))
    assert not different
    assert not unstable


def together(codes: list[str]) -> list[Verdict]:
    with Verifier(VerifyConfig(workers=1), together="always") as verifier:
        return verifier.verify([(task, answer) for task, answer, _ in judged(codes)])


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little that the static alone is too much: with the usual limit the compiler takes long to make such a one."""
    monkeypatch.setattr(ladder, "RUN_LIMITS", replace(RUN_LIMITS, memory_bytes=64 << 20))


@pytest.mark.usefixtures("little_memory")
def test_a_neighbour_with_large_statics_fails_alone() -> None:
    assert [v.reason for v in together([*HONEST, STATIC])] == ["ok"] * 3 + ["memory"]


@pytest.mark.usefixtures("little_memory")
def test_without_the_layer_its_neighbours_fail_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Believing(batch._Watched):
        ended_well = property(lambda _: True, lambda *_: None)

    monkeypatch.setattr(shared_servers, "_MOST_STATICS", 1 << 40)
    monkeypatch.setattr(batch, "_Watched", Believing)
    monkeypatch.setattr(batch, "_is_whole", lambda _: True)
    assert [v.reason for v in together([*HONEST, STATIC])] == ["memory"] * 4


@pytest.mark.parametrize(
    "code",
    [
        "#/**/![no_std]\npub fn f() {}",
        "# /* */ ! [no_core]\npub fn f() {}",
        "#/**/[no_mangle] pub fn f() {}",
        "#[/**/no_mangle] pub fn f() {}",
        "#[derive(Debug)] #[ /**/ link_section = \"x\"] pub static F: u8 = 0;",
        "/*! of the whole */ pub fn f() {}",
        "pub fn f() -> &'static str { file/**/!() }",
        "pub fn f() -> u32 { core::line /**/ !() }",
        "pub fn f() { println!(\"{}\", file/**/!()); }",
        "pub fn f() { vec![#[allow(x)] 1]; }",
        "use std::{any /*;*/ as a};\npub fn f() {}",
        "pub fn f() -> bool { cfg!(test) }",
        "#[cfg_attr(clippy, allow(x))] pub fn f() {}",
        "pub fn f(x: &u8) -> usize { x as *const u8 as usize }",
        "pub fn f(x: &u8) -> String { format!(\"{x:p}\") }",
        "pub fn f(x: &u8) -> String { format!(\"{:#018p}\", x) }",
        "pub fn f() -> usize { f as usize }",
        "pub fn f() -> usize { let g: fn() -> usize = f; 1 }",
        "pub fn f() -> usize { std::ptr::addr_of!(X) as usize }\nstatic X: u8 = 0;",
        "pub fn f() { unknown!(1); }",
        "pub fn f( {",
        "mod a { mod b; }",
    ],
)  # fmt: skip
def test_the_tree_says_who_goes_alone(code: str) -> None:
    assert not may_join(code, "2021")


@pytest.mark.parametrize(
    "code",
    [
        "/// Documentation.\n#[derive(Debug, Clone)]\n#[must_use]\npub struct P { x: i32 }",
        'pub fn f(v: &[u8]) -> String { assert!(!v.is_empty()); format!("{:>5}", v.iter().any(|x| *x > 1)) }',
        "pub fn f<F: Fn(i32) -> i32>(g: F) -> usize { g(1) as usize }",
        'pub fn f() { println!("{}", vec![1, 2].iter().any(|x| *x == 2)); }',
    ],
)
def test_what_is_plain_still_joins(code: str) -> None:
    assert may_join(code, "2021")
