# ruff: noqa: E501
"""Honest answers pass in a separate process, with values of every kind that can travel."""

from __future__ import annotations

import pytest

from burnish.verify import Verifier
from tests.verify.separate.asking import judged, task_of

KINDS = [
    ("(i8, i16, i32, i64, i128, isize)", "(-1, -2, -3, i64::MIN, i128::MAX, 4)"),
    ("(u8, u16, u32, u64, u128, usize)", "(1, 2, 3, u64::MAX, u128::MAX, 4)"),
    ("(f32, f64, bool, char)", "(1.5, -0.0, true, '\\u{10FFFF}')"),
    ("()", "()"),
    ("String", 'String::from("é\\0\\n")'),
    ("&str", '"text"'),
    ("&[i32]", "&[1, 2][..]"),
    ("&'static [&'static str]", '&["a", ""][..]'),
    ("&Vec<Vec<u8>>", "&vec![vec![], vec![1]]"),
    ("[u8; 3]", "[1, 2, 3]"),
    ("[[i32; 2]; 2]", "[[1, 2], [3, 4]]"),
    ("Option<Option<u8>>", "Some(None)"),
    ("Result<Vec<String>, String>", 'Err("e".to_string())'),
    ("Box<[i32]>", "vec![1].into_boxed_slice()"),
    ("Box<str>", '"b".into()'),
    ("HashMap<String, Vec<i32>>", 'HashMap::from([("a".to_string(), vec![1])])'),
    ("BTreeMap<(i32, char), Option<bool>>", "BTreeMap::from([((1, 'x'), Some(true))])"),
    ("HashSet<u64>", "HashSet::from([1, 2])"),
    ("BTreeSet<String>", "BTreeSet::new()"),
    ("VecDeque<i32>", "VecDeque::from([1, 2])"),
    ("LinkedList<i32>", "LinkedList::from([1, 2])"),
    ("std::rc::Rc<i32>", "std::rc::Rc::new(3)"),
    ("std::rc::Rc<std::cell::RefCell<Vec<i32>>>", "std::rc::Rc::new(std::cell::RefCell::new(vec![1]))"),
    ("std::cmp::Ordering", "std::cmp::Ordering::Greater"),
    ("std::cmp::Reverse<i32>", "std::cmp::Reverse(1)"),
    ("std::time::Duration", "std::time::Duration::from_millis(1500)"),
    ("std::ops::Range<usize>", "1..4"),
    ("std::ops::RangeInclusive<i32>", "1..=4"),
    ("std::num::Wrapping<u8>", "std::num::Wrapping(250)"),
    ("std::num::NonZeroU8", "std::num::NonZeroU8::new(7).unwrap()"),
    ("std::net::IpAddr", "std::net::IpAddr::from([127, 0, 0, 1])"),
    ("std::path::PathBuf", 'std::path::PathBuf::from("/a/b")'),
    ("std::borrow::Cow<'static, str>", 'std::borrow::Cow::Borrowed("c")'),
    ("Result<i32, std::num::ParseIntError>", '"x".parse::<i32>()'),
    ("Result<f64, std::num::ParseFloatError>", '"".parse::<f64>()'),
    ("Result<u8, std::fmt::Error>", "Err(std::fmt::Error)"),
    ("Result<&'static str, std::str::Utf8Error>", "std::str::from_utf8(&[0xC3])"),
    ("Point", "Point { x: 1, y: Some(-1) }"),
    (
        "Vec<Kind>",
        "vec![Kind::Empty, Kind::Pair(1, 'b'), Kind::Named { point: Point { x: 0, y: None } }, Kind::Unit()]",
    ),
    ("Pair", "Pair(1, String::new())"),
    ("Nothing", "Nothing"),
    ("Grid", "vec![vec![true]]"),
]
GIVEN = """
use std::collections::*;
#[derive(Debug, Clone, PartialEq)]
pub struct Point { pub x: i32, y: Option<i32> }
#[derive(Debug, Clone, PartialEq)]
pub enum Kind { Empty, Pair(u8, char), Named { point: Point }, Unit() }
#[derive(Debug, Clone, PartialEq)]
pub struct Pair(pub u8, String);
#[derive(Debug, Clone, PartialEq)]
pub struct Nothing;
pub type Grid = Vec<Vec<bool>>;
"""


def test_values_of_every_kind_go_there_and_come_back(verifier: Verifier) -> None:
    declared = [f"pub fn same{i}(x: {kind}) -> {kind} {{ todo!() }}" for i, (kind, _) in enumerate(KINDS)]
    solved = "\n".join(declared).replace("todo!()", "x")
    tests = "\n".join(
        f"#[test]\nfn t{i}() {{ let a: {kind} = {value}; let b: {kind} = {value};"
        f' assert_eq!(format!("{{:?}}", same{i}(a)), format!("{{b:?}}")); }}'
        for i, (kind, value) in enumerate(KINDS)
    )
    verdict = judged(verifier, task_of(GIVEN + "\n".join(declared), tests, entry_point="same0"), f"{GIVEN}{solved}")
    assert (verdict.reason, verdict.grading) == ("ok", "separate"), verdict.detail
    assert verdict.tests.passed == verdict.tests.expected == len(KINDS)


ANSWERS = [
    ("a path of the crate's root, an attribute and a main of its own", "#![allow(unused)]\nmod m { pub fn g() -> i32 { crate::h() } }\n"
     "fn h() -> i32 { 1 }\nfn main() {}\nmacro_rules! vec { () => { 0 } }\npub fn f(x: &mut Vec<i32>) -> i32 { x.push(m::g()); x[0] }"),
    ("a shebang", "#!/usr/bin/env run\npub fn f(x: &mut Vec<i32>) -> i32 { x.push(1); x[0] }"),
    ("what it prints", "pub fn f(x: &mut Vec<i32>) -> i32 { println!(\"out\"); eprintln!(\"err\"); x.push(1); x[0] }"),
    ("what it reads is nothing", "pub fn f(x: &mut Vec<i32>) -> i32 { let mut s = String::new();"
     " assert_eq!(std::io::stdin().read_line(&mut s).unwrap(), 0); x.push(1); x[0] }"),
    ("unsafe code", "pub fn f(x: &mut Vec<i32>) -> i32 { x.push(1); unsafe { *x.as_ptr() } }"),
    ("forbidden unsafe code", "#![forbid(unsafe_code)]\n#![deny(warnings)]\npub fn f(x: &mut Vec<i32>) -> i32 { x.push(1); x[0] }"),
    ("a standard name of its own", "pub struct String;\npub enum Option { Some, None }\n"
     "pub fn f(x: &mut Vec<i32>) -> i32 { x.push(1); x[0] }"),
    ("deep recursion", "fn d(n: u32) -> u32 { if n == 0 { 0 } else { 1 + d(n - 1) } }\n"
     "pub fn f(x: &mut Vec<i32>) -> i32 { assert_eq!(d(50_000), 50_000); x.push(1); x[0] }"),
    ("threads", "pub fn f(x: &mut Vec<i32>) -> i32 { let n = std::thread::spawn(|| 1).join().unwrap(); x.push(n); x[0] }"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "code"), ANSWERS, ids=[name for name, _ in ANSWERS])
def test_an_honest_answer_passes_unedited(verifier: Verifier, name: str, code: str) -> None:
    tests = "use super::*;\n#[test]\nfn t() { let mut v = vec![7]; assert_eq!((f(&mut v), v.len()), (7, 2)); assert_eq!(v[1], 1); }"
    verdict = judged(verifier, task_of("pub fn f(x: &mut Vec<i32>) -> i32 {\n", tests), code)
    assert (verdict.reason, verdict.grading) == ("ok", "separate"), verdict.detail


def test_panics_cross_with_their_text_and_what_was_changed_until_then(verifier: Verifier) -> None:
    prompt = "pub fn take(v: &mut Vec<i32>, n: usize) -> i32 {\n"
    tests = """
    use std::panic::{catch_unwind, AssertUnwindSafe};
    #[test]
    fn caught() {
        let mut v = vec![1];
        let error = catch_unwind(AssertUnwindSafe(|| take(&mut v, 9))).unwrap_err();
        assert_eq!(error.downcast_ref::<String>().unwrap(), "no 9");
        assert_eq!(v, [1, 0]);
    }
    #[test]
    #[should_panic(expected = "no 3")]
    fn wanted() { take(&mut vec![], 3); }
    #[test]
    fn threads() {
        let all: Vec<_> = (0..4).map(|n| std::thread::spawn(move || take(&mut vec![n; 40], 5))).collect();
        assert_eq!(all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }
    """
    code = 'pub fn take(v: &mut Vec<i32>, n: usize) -> i32 { v.push(0); if n >= v.len() { panic!("no {n}") } v[n] }'
    verdict = judged(verifier, task_of(prompt, tests), code)
    assert (verdict.reason, verdict.grading) == ("ok", "separate"), verdict.detail


def test_a_failed_test_leaves_the_others_and_says_why(verifier: Verifier) -> None:
    tests = '#[test]\nfn b() { assert_eq!(f(1), 2, "so far"); }\n#[test]\nfn a() { assert_eq!(f(0), 0); }\n'
    verdict = judged(verifier, task_of("pub fn f(x: i32) -> i32 {\n", tests), "pub fn f(x: i32) -> i32 { x }")
    assert (verdict.reason, verdict.tests.run, verdict.tests.passed) == ("tests_failed", 2, 1)
    assert verdict.detail.startswith("b: \nthread 'b'") or verdict.detail.startswith("b: thread 'b'")
    assert "so far" in verdict.detail
    assert "finished in" not in verdict.detail


@pytest.mark.parametrize(
    ("code", "reason", "run"),
    [
        ("pub fn f(x: i32) -> i32 { if x > 0 { std::process::abort() } x }", "runtime_error", 1),
        ("pub fn f(x: i32) -> i32 { if x > 0 { std::process::exit(0) } x }", "tests_failed", 1),
        ("pub fn f(x: i32) -> i32 { if x > 0 { loop {} } x }", "timeout", 1),
        ("pub fn f(x: i32) -> i32 { if x > 0 { std::hint::black_box(vec![1u8; 3 << 30]); } x }", "memory", 1),
    ],
)  # fmt: skip
def test_an_end_in_a_call_is_told_by_the_answers_own_process(
    verifier: Verifier, code: str, reason: str, run: int
) -> None:
    tests = "#[test]\nfn b() { assert_eq!(f(0), 0); }\n#[test]\nfn a() { assert_eq!(f(1), 1); }\n#[test]\nfn c() {}"
    verdict = judged(verifier, task_of("pub fn f(x: i32) -> i32 {\n", tests), code)
    assert verdict.reason in (reason, "runtime_error" if reason == "memory" else reason), verdict.detail
    assert (verdict.tests.run, verdict.tests.expected) == (run, 3)
