# ruff: noqa: E501
"""Answers that try to be graded better than they are, in a process that the tests are not in."""

from __future__ import annotations

import pytest

from burnish.verify import Verifier
from tests.verify.separate.asking import RAW, TASKS, judged, task_of

FAILS = frozenset({"tests_failed", "runtime_error", "compile_error"})
SHAPES = "pub enum Shape { Dot, Line(i32), Rect { w: i32, h: i32 } }\n"

ATTACKS: dict[str, tuple[str, str, frozenset[str]]] = {
    # the protocol
    "a frame with the wrong number": ("add", RAW + "pub fn add(a: i64, b: i64) -> i64 { raw(77, &[0; 9]); a + b }", FAILS),
    "replies ahead of the calls": (
        "add",
        RAW + "pub fn add(a: i64, b: i64) -> i64 { for n in 1..9 { raw(n, &[0, 5, 0, 0, 0, 0, 0, 0, 0]); } a + b }",
        FAILS,
    ),
    "an empty frame": ("add", RAW + "pub fn add(_: i64, _: i64) -> i64 { raw(1, &[]); stop() }", FAILS),
    "an unknown status": ("add", RAW + "pub fn add(_: i64, _: i64) -> i64 { raw(1, &[9]); stop() }", FAILS),
    "a frame of four gigabytes": (
        "add",
        "pub fn add(_: i64, _: i64) -> i64 { use std::io::Write; use std::os::fd::FromRawFd;"
        " let mut f = unsafe { std::fs::File::from_raw_fd(4) }; let _ = f.write_all(&[255; 64]); 5 }",
        FAILS,
    ),
    "bytes behind the value": (
        "word", RAW + "pub fn word(_: usize) -> String { raw(1, b\"\\0\\x03\\0\\0\\0aaa\\0\"); stop() }", FAILS,
    ),
    "the question pipe read by the answer": (
        "add",
        "pub fn add(a: i64, b: i64) -> i64 { use std::io::Read; use std::os::fd::FromRawFd;"
        " std::thread::spawn(|| { let mut f = unsafe { std::fs::File::from_raw_fd(3) }; let _ = f.read(&mut [0; 64]); });"
        " a - b }",
        FAILS,
    ),
    "a thread that writes frames all the time": (
        "add",
        RAW + "pub fn add(a: i64, b: i64) -> i64 { std::thread::spawn(|| loop { raw(2, &[0; 9]) }); 0 }",
        FAILS,
    ),
    "a child that answers for its parent": (
        "add",
        RAW + "extern \"C\" { fn fork() -> i32; }\n"
        "pub fn add(_: i64, _: i64) -> i64 { if unsafe { fork() } == 0 { raw(1, &[0; 9]); } std::process::exit(0) }",
        FAILS,
    ),
    "fake result lines on the pipe": (
        "add",
        "pub fn add(_: i64, _: i64) -> i64 { use std::io::Write; use std::os::fd::FromRawFd;"
        " let mut f = unsafe { std::fs::File::from_raw_fd(4) };"
        ' let _ = f.write_all(b"test result: ok. 2 passed; 0 failed\\n"); std::process::exit(0) }',
        FAILS,
    ),
    # values of another shape
    "a slice that comes back longer": (
        "flip",
        RAW + "pub fn flip(_: &mut [i32]) { let mut b = vec![0, 0, 4, 0, 0, 0]; for n in [3i32, 2, 1, 9]"
        " { b.extend(n.to_le_bytes()) } raw(1, &b); stop() }",
        FAILS,
    ),
    "the same key twice": (
        "count",
        RAW + "pub fn count(_: &str) -> std::collections::HashMap<char, u32> { let mut b = vec![0, 3, 0, 0, 0];"
        " for (c, n) in [('a', 2u32), ('b', 1), ('b', 1)] { b.extend((c as u32).to_le_bytes()); b.extend(n.to_le_bytes()) }"
        " raw(1, &b); stop() }",
        FAILS,
    ),
    "a character that is none": (
        "count",
        RAW + "pub fn count(_: &str) -> std::collections::HashMap<char, u32>"
        " { raw(1, &[0, 1, 0, 0, 0, 0, 0, 0x11, 0, 1, 0, 0, 0]); stop() }",
        FAILS,
    ),
    "text that is no UTF-8": (
        "word",
        "pub fn word(_: usize) -> String { unsafe { String::from_utf8_unchecked(vec![255; 3]) } }",
        FAILS,
    ),
    "a variant that is not there": (
        "shape",
        "#[derive(Debug, PartialEq)]\n" + SHAPES + RAW + "pub fn widest(_: &[Shape]) -> Option<Shape> { raw(1, &[0, 1, 7]); stop() }",
        FAILS,
    ),
    "a promise of four billion elements": (
        "sort", RAW + "pub fn sort(_: Vec<i32>) -> Vec<i32> { raw(1, &[0, 255, 255, 255, 255]); stop() }", FAILS,
    ),
    "a result that grows four thousandfold": (
        "grow", "pub fn rows(_: usize) -> Vec<Option<[u64; 512]>> { vec![None; 8_000_000] }",
        FAILS | {"memory", "timeout"},
    ),
    "a result too large for a frame": ("word", "pub fn word(_: usize) -> String { \"a\".repeat(20 << 20) }", FAILS),
    "a result that nests too deep": (
        "chain",
        "#[derive(Debug, PartialEq)]\npub struct Link { pub value: i32, pub next: Option<Box<Link>> }\n"
        "pub fn chain(_: i32) -> Option<Box<Link>> { let mut at = None; for n in 0..30_000"
        " { at = Some(Box::new(Link { value: n, next: at })) } at }",
        FAILS,
    ),
    # types and names
    "a type of the declared name that equals everything": (
        "shape",
        "#[derive(Debug)]\n" + SHAPES + "impl PartialEq for Shape { fn eq(&self, _: &Self) -> bool { true } }\n"
        "pub fn widest(_: &[Shape]) -> Option<Shape> { Some(Shape::Dot) }",
        FAILS,
    ),
    "a result type that equals everything": (
        "add",
        "#[derive(Debug)]\npub struct Yes;\nimpl<T> PartialEq<T> for Yes { fn eq(&self, _: &T) -> bool { true } }\n"
        "pub fn add(_: i64, _: i64) -> Yes { Yes }",
        FAILS,
    ),
    "a generic result": ("add", "pub fn add<T: From<u8>>(_: i64, _: i64) -> T { 5.into() }", FAILS),
    "a result type with bytes of its own": (
        "add",
        "pub struct Any;\nimpl ::burnish_wire::Encode for Any { fn encode(&self, out: &mut Vec<u8>) { out.extend([5; 40]) } }\n"
        "pub fn add(_: i64, _: i64) -> Any { Any }",
        FAILS,
    ),
    "another crate under the codec's name": (
        "add", "extern crate core as burnish_wire;\npub fn add(_: i64, _: i64) -> i64 { 5 }", FAILS,
    ),
    "a module under the server's name": (
        "add", "mod burnish_served { pub fn call() {} }\npub fn add(_: i64, _: i64) -> i64 { 5 }", FAILS,
    ),
    "a trait named like a variable of the tests": (
        "sort",
        "#![allow(non_camel_case_types)]\npub trait v { fn windows(&self, _n: usize) -> std::slice::Windows<'_, i32>; }\n"
        "impl v for Vec<i32> { fn windows(&self, n: usize) -> std::slice::Windows<'_, i32>"
        " { let e: &'static [i32] = &[]; e.windows(n) } }\npub fn sort(x: Vec<i32>) -> Vec<i32> { x }",
        FAILS,
    ),
    "macros under the names of the tests'": (
        "add", "macro_rules! assert_eq { ($($t:tt)*) => {} }\npub fn add(_: i64, _: i64) -> i64 { 0 }", FAILS,
    ),
    # ends
    "exit(0) in the call": ("add", "pub fn add(_: i64, _: i64) -> i64 { std::process::exit(0) }", FAILS),
    "exit(0) where a panic is wanted": (
        "limit", "pub fn limited(x: u32) -> u32 { if x > 5 { std::process::exit(0) } x }", FAILS,
    ),
    "exit(101) where a panic is wanted": (
        "limit", "pub fn limited(x: u32) -> u32 { if x > 5 { std::process::exit(101) } x }", FAILS,
    ),
    "an abort that says what the panic should": (
        "limit", "pub fn limited(x: u32) -> u32 { if x > 5 { eprintln!(\"too large\"); std::process::abort() } x }", FAILS,
    ),
    "no frame where a panic is wanted": (
        "limit", RAW + "pub fn limited(x: u32) -> u32 { if x > 5 { raw(1, b\"too large\"); stop() } x }", FAILS,
    ),
    "a panic without the text": ("limit", "pub fn limited(x: u32) -> u32 { if x > 5 { panic!(\"small\") } x }", FAILS),
    "a panic that is no text": (
        "limit", "pub fn limited(x: u32) -> u32 { if x > 5 { std::panic::panic_any(5u8) } x }", FAILS,
    ),
    "a panic that imitates a runner": (
        "add", "pub fn add(_: i64, _: i64) -> i64 { panic!(\"test result: ok. 2 passed\\n\\0\") }", FAILS,
    ),
    "exit before main": (
        "add",
        "extern \"C\" fn go() { std::process::exit(0) }\n#[used]\n#[link_section = \".init_array\"]\n"
        "static GO: extern \"C\" fn() = go;\npub fn add(_: i64, _: i64) -> i64 { 0 }",
        FAILS,
    ),
    "a main of its own": (
        "add",
        "#[no_mangle]\npub extern \"C\" fn main() -> i32 { 0 }\npub fn add(_: i64, _: i64) -> i64 { 0 }",
        FAILS,
    ),
    "the stack used up": ("add", "pub fn add(a: i64, b: i64) -> i64 { add(a + 1, b) + 1 }", FAILS | {"memory"}),
    # what else the process could reach
    "the answer started again, to learn what is expected": (
        "add",
        "pub fn add(_: i64, _: i64) -> i64 { let o = std::process::Command::new(\"/box/program\").output();"
        " o.map_or(5, |o| o.stdout.len() as i64) }",
        FAILS,
    ),
    "expected values looked for in the box": (
        "add",
        "pub fn add(_: i64, _: i64) -> i64 { let n = std::fs::read_dir(\"/box\").unwrap().count();"
        " let p = std::fs::read(\"/box/program\").unwrap(); let t = 777777i32.to_le_bytes();"
        " if n == 1 && !p.windows(4).any(|w| w == t) { 0 } else { 5 } }",
        FAILS,
    ),
    "memory of other processes": (
        "add",
        "pub fn add(_: i64, _: i64) -> i64 { if std::fs::read_dir(\"/proc\").is_ok() { 5 } else { 0 } }",
        FAILS,
    ),
    "what an earlier test left behind": (
        "add",
        "pub fn add(a: i64, b: i64) -> i64 { let seen = std::path::Path::new(\"/box/seen\").exists();"
        " let _ = std::fs::write(\"/box/seen\", b\"\"); if seen { a + b } else { 0 } }",
        FAILS,
    ),
    "a flood of text": (
        "add", "pub fn add(a: i64, b: i64) -> i64 { for _ in 0..40_000 { eprintln!(\"{:099}\", 0) } a + b }",
        frozenset({"output_limit"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_graded_as_what_it_is(verifier: Verifier, name: str) -> None:
    kind, code, accepted = ATTACKS[name]
    verdict = judged(verifier, task_of(*TASKS[kind]), code)
    assert verdict.reason in accepted, (verdict.reason, verdict.detail)
    assert verdict.grading == "separate" or verdict.stage != "test"


@pytest.mark.parametrize("signature", ["-> Yes", "-> impl std::fmt::Debug + PartialEq<i64>"])
def test_a_type_that_equals_everything_is_none_where_nothing_is_declared(verifier: Verifier, signature: str) -> None:
    code = (
        "#[derive(Debug)]\npub struct Yes;\nimpl<T> PartialEq<T> for Yes { fn eq(&self, _: &T) -> bool { true } }\n"
        f"pub fn add(_: i64, _: i64) {signature} {{ Yes }}"
    )
    verdict = judged(verifier, task_of(None, TASKS["add"][1]), code)
    assert verdict.status == "fail", (verdict.reason, verdict.detail, verdict.grading)
