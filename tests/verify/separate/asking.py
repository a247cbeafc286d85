"""Tasks that honest and hostile answers are judged by here."""

from __future__ import annotations

from burnish.records import Completion, RustTests, Task, Verdict
from burnish.verify import Verifier

ADD = "pub fn add(a: i64, b: i64) -> i64 {\n"
ADD_TESTS = """
use super::*;
#[test]
fn small() { assert_eq!(add(2, 3), 5); assert_eq!(add(-7, 5), -2); }
#[test]
fn large() { assert_eq!(add(123456, 654321), 777777); }
"""
SHAPE = """
#[derive(Debug, PartialEq)]
pub enum Shape { Dot, Line(i32), Rect { w: i32, h: i32 } }
pub fn widest(shapes: &[Shape]) -> Option<Shape> {
"""
SHAPE_TESTS = """
#[test]
fn one() { assert_eq!(widest(&[Shape::Line(2), Shape::Rect { w: 3, h: 1 }]), Some(Shape::Rect { w: 3, h: 1 })); }
#[test]
fn none() { assert_eq!(widest(&[]), None); }
"""
FLIP = "pub fn flip(values: &mut [i32]) {\n"
FLIP_TESTS = "#[test]\nfn t() { let mut v = [1, 2, 3]; flip(&mut v); assert_eq!(v, [3, 2, 1]); }"
COUNT = "use std::collections::HashMap;\npub fn count(text: &str) -> HashMap<char, u32> {\n"
COUNT_TESTS = "#[test]\nfn t() { assert_eq!(count(\"aab\"), HashMap::from([('a', 2), ('b', 1)])); }"
LIMIT = "pub fn limited(x: u32) -> u32 {\n"
LIMIT_TESTS = """
#[test]
fn small() { assert_eq!(limited(3), 3); }
#[test]
#[should_panic(expected = "too large")]
fn large() { limited(9); }
"""
SORT = "pub fn sort(x: Vec<i32>) -> Vec<i32> {\n"
SORT_TESTS = """
#[test]
fn t() { let v = sort(vec![3, 1, 2]); assert_eq!(v.len(), 3); assert!(v.windows(2).all(|w| w[0] <= w[1])); }
"""
WORD = "pub fn word(n: usize) -> String {\n"
WORD_TESTS = '#[test]\nfn t() { assert_eq!(word(3), "aaa"); }'
GROW = "pub fn rows(n: usize) -> Vec<Option<[u64; 512]>> {\n"
GROW_TESTS = "#[test]\nfn t() { assert_eq!(rows(2).len(), 2); }"
CHAIN = """
#[derive(Debug, PartialEq)]
pub struct Link { pub value: i32, pub next: Option<Box<Link>> }
pub fn chain(n: i32) -> Option<Box<Link>> {
"""
CHAIN_TESTS = "#[test]\nfn t() { assert_eq!(chain(2).unwrap().next.unwrap().value, 2); }"

TASKS = {
    "add": (ADD, ADD_TESTS),
    "shape": (SHAPE, SHAPE_TESTS),
    "flip": (FLIP, FLIP_TESTS),
    "count": (COUNT, COUNT_TESTS),
    "limit": (LIMIT, LIMIT_TESTS),
    "sort": (SORT, SORT_TESTS),
    "word": (WORD, WORD_TESTS),
    "grow": (GROW, GROW_TESTS),
    "chain": (CHAIN, CHAIN_TESTS),
}
RAW = """
fn raw(number: u32, body: &[u8]) {
    use std::io::Write;
    use std::os::fd::FromRawFd;
    let mut pipe = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(4) });
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend(number.to_le_bytes());
    frame.extend(body);
    let _ = pipe.write_all(&frame);
}
fn stop() -> ! { loop { std::thread::park() } }
"""
"""Frames of an answer's own making, and a way never to send an honest one behind them."""


def task_of(prompt: str | None, tests: str, **fields: object) -> Task:
    """A task of a code prompt and tests."""
    made = {"id": "t", "family": "t", "prompt": (), "code_prompt": prompt, "tests": RustTests(source=tests), **fields}
    return Task.model_validate(made)


def judged(verifier: Verifier, task: Task, code: str) -> Verdict:
    """The verdict on one whole program."""
    return verifier.verify([(task, Completion(task_id=task.id, text=f"```rust\n{code}\n```\n"))])[0]
