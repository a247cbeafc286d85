"""What each metric counts, and what it must not count."""

from __future__ import annotations

import pytest

from burnish.records import Message, Task
from burnish.verify.metrics import MOST_BYTES, measure, prompt_metrics

Counts = list[tuple[str, dict[str, float]]]

FAULTS_OF_OTHERS: Counts = [
    # a method and a macro panic, an argument called `expected` does not
    ("fn f(x: Option<u8>) -> u8 { x.unwrap() }", {"panicking_calls": 1, "unwraps": 1}),
    ("fn f() { panic!() }", {"panicking_calls": 1, "panics": 1}),
    ("fn f(expected: u8) -> Option<u8> { Some(expected) }", {"panicking_calls": 0}),
    ('fn f() { let s = "x.unwrap() panic!()"; g(s) } // .expect("")', {"panicking_calls": 0}),
    # the tree knows a turbofish
    ("fn f(v: &[u8]) -> Vec<u8> { v.iter().copied().collect::<Vec<_>>() }", {"turbofish": 1, "iterator_chains": 1}),
    ("fn f() { let _ = Vec::<u8>::new(); println!(\"{}\", \"1\".parse::<u8>().is_ok()); }", {"turbofish": 2}),
    ("fn f(v: Vec<u8>) { drop(v) }", {"turbofish": 0}),
    # methods are functions; their Result and docs count
    (
        "struct S;\nimpl S {\n/// Doc.\nfn a(&self) -> Result<u8, ()> { Ok(1) }\nfn b(&self) -> Option<u8> { None } }",
        {"functions": 2, "free_functions": 0, "impl_functions": 2, "result_functions": 1, "option_functions": 1,
         "documented_share": 1 / 3},
    ),
    # impl with generics and paths, nested generics in Result, match on an expression
    ("struct S<T>(T);\nimpl<T: Clone> std::fmt::Debug for S<T> where T: Copy { }", {"impls": 1, "structs": 1}),
    ("fn f() -> std::io::Result<Vec<Option<u8>>> { Ok(vec![]) }", {"result_functions": 1, "option_functions": 1}),
    ("fn f(x: &str) -> u8 { match x.len() + 1 { 1 => 1, _ => 2 } }", {"matches": 1, "match_arms": 2}),
    # "?" in a string, a banner of slashes
    ('fn f() -> &\'static str { "why?" }', {"question_marks": 0}),
    ("//////////\n// not a doc\nfn f() {}", {"documented_share": 0}),
    # apostrophes, quotes and brackets in odd numbers are Rust
    ("fn f<'a>(x: &'a str) -> &'a str { x } // don't", {"functions": 1}),
    ("fn f() -> char { '\"' }", {"functions": 1}),
    ('fn f() { println!("(") }', {"functions": 1}),
]  # fmt: skip

PANICKING = [
    ('fn f(x: Option<u8>) { x.expect("no"); }', 1),
    ('fn f(x: Result<u8, u8>) { x.unwrap_err(); x.expect_err(""); }', 2),
    ("fn f(v: Vec<Option<u8>>) { v.into_iter().map(Option::unwrap).count(); }", 1),
    ('fn f(x: Option<u8>) { println!("{}", x.unwrap()); assert_eq!(x.expect("y"), 1); vec![todo!()]; }', 3),
    ("fn f(v: Vec<Option<u8>>) { assert!(v.into_iter().map(Option::unwrap).count() == 0) }", 1),
    ('fn f() { std::panic!("a"); core::unreachable!(); unimplemented!() }', 3),
    ("fn f() { std::panic::panic_any(1) }", 1),
    ('fn f(x: Option<u8>) { x.unwrap_or(1); x.unwrap_or_default(); assert!(true); println!("{}", unwrap); }', 0),
    ("fn unwrap() {} fn f() { unwrap() }", 0),
    ("#[cfg(test)]\nmod tests { #[test] fn t() { Some(1).unwrap(); } }\nfn f() {}", 0),
    ("mod t { #![cfg(test)] fn t() { Some(1).unwrap(); } }\nfn f() {}", 0),
    ("mod t { // of f\n#![cfg(all(unix, any(test)))] fn t() { Some(1).unwrap(); } }\nfn f() {}", 0),
    ('#[cfg(all(feature = "x", test))]\nfn t() { Some(1).unwrap(); }\nfn f() {}', 0),
    ("#[cfg(any(test, unix))]\nfn t() { Some(1).unwrap(); }\nfn f() {}", 1),
    ("mod t { #![cfg(not(test))] fn t() { Some(1).unwrap(); } }\nfn f() {}", 1),
    ("mod t { #![allow(dead_code)] fn t() { Some(1).unwrap(); } }\nfn f() {}", 1),
    ("#[rstest]\nfn t() { Some(1).unwrap(); }\nfn f() {}", 0),
    ("#[test]\n/// Doc.\nfn t() { Some(1).unwrap(); }\nfn f() { None::<u8>.unwrap(); }", 1),
    ("#[cfg(all(test, unix))]\nmod t { fn g() { panic!() } }", 0),
    ("#[cfg(not(test))]\nfn f() { panic!() }", 1),
]

COMPLEXITY = [
    ("fn f() {}", 1, 0),
    ("fn f(a: bool, b: bool) { if a && b || a {} }", 4, 1),
    ("fn f(a: u8) { if a == 1 {} else if a == 2 {} else if a == 3 {} else {} }", 4, 1),
    ("fn f(a: u8) -> u8 { match a { 1 => 1, 2 | 3 => 2, x if x > 4 => 3, _ => 4 } }", 5, 1),
    ("fn f(a: u8) { match a { _ => {} } }", 1, 1),
    ("fn f(a: !) { match a {} }", 1, 1),
    ("fn f() -> Option<u8> { g()?; let Some(x) = g() else { return None }; Some(x) }", 3, 0),
    ("fn f() { for i in 0..3 { while g() { loop { if i > 1 { break } } } } }", 4, 4),
    ("fn f() { g(|| 1); g(|x: &&u8| x) }", 1, 1),
    ("fn f() { fn g(a: bool) { if a { if a {} } } if true {} }", 3, 2),
    ("fn f(x: Option<u8>, y: bool) { if let Some(_) = x && y {} }", 3, 1),
]

CHAINS = [
    ("fn f(v: &[u8]) -> u8 { v.iter().map(|x| x + 1).filter(|x| *x > 1).sum() }", 1, 4),
    ("fn f(v: &[u8]) -> bool { v.iter().any(|&x| x > 1) }", 1, 2),
    ("fn f() -> Vec<u8> { (0..3).map(|x| x).rev().collect() }", 1, 3),
    ("fn f() { std::iter::repeat(1).take(3).for_each(drop) }", 1, 2),
    ("fn f() { std::iter::empty::<u8>().last(); }", 1, 1),
    ("fn f(x: Option<u8>) -> Option<u8> { x.map(|y| y + 1).filter(|y| *y > 1) }", 0, 0),
    ("fn f(s: &str) -> usize { s.trim().len() }", 0, 0),
    ("fn f(s: &str) -> Option<u32> { s.chars().map(|c| c.to_digit(10)).sum::<Option<u32>>()?.checked_add(1) }", 1, 4),
    ("fn f(v: &[&[u8]]) -> usize { v.iter().map(|r| r.iter().filter(|x| **x > 1).count()).sum() }", 2, 3),
    ("fn f(v: &[u8]) { for x in v.iter() { drop(x) } }", 0, 0),
    ("fn f() { (|| 1)(); g()(); v[0](); }", 0, 0),
]

EXPRESSIONS: Counts = [
    ("fn f((a, b): (u8, u8)) { let S { x, .. } = s; let [p, (q, r)] = t; }", {"destructurings": 3}),
    ("fn f(x: Option<(u8, u8)>) { if let Some((a, _)) = x {} }", {"destructurings": 1, "let_conditions": 1}),
    ("fn f() { let x = 1; let y = x; }", {"destructurings": 0, "let_elses": 0}),
    ("fn f() { let Some(x) = g() else { return }; }", {"let_elses": 1, "destructurings": 1}),
    ("fn f() { let g = |x: u8| x; g(1) }", {"closures": 1}),
    ("fn f(v: &[u8]) { for i in 0..v.len() { g(v[i]) } }", {"for_loops": 1, "indexed_loops": 1}),
    ("fn f(v: &[u8]) { for i in (0..v.len()) { g(v[i]) } }", {"for_loops": 1, "indexed_loops": 1}),
    ("fn f(v: &[u8]) { for x in v { g(w[x]) } for i in 0..3 { g(v[i + 1]); g(v[j]) } }", {"indexed_loops": 0}),
    ("fn f(v: &[(u8, u8)]) { for (i, x) in v { g(v[i]) } }", {"for_loops": 1, "indexed_loops": 0}),
    ("fn f() { while g() {} loop {} }", {"while_loops": 1, "loops": 1}),
    ("fn f() { unsafe { g() } vec![unsafe { 1 }]; }", {"unsafe_blocks": 2, "unsafe_items": 0}),
    ("unsafe fn f() {}\nunsafe trait T {}\nunsafe impl T for u8 {}\nfn g() {}", {"unsafe_items": 3}),
    ("async unsafe fn f() {}\nconst fn g() {}", {"unsafe_items": 1}),
    ("use std::fmt;\nmod a { use super::*; enum E { A } trait T { fn f(&self); fn g(&self) {} } }",
     {"uses": 2, "modules": 1, "enums": 1, "traits": 1, "trait_functions": 1, "functions": 1}),
    ("fn f() -> u8 { return 1; }\nfn g() -> u8 { 1 }\nfn h() { return; }\nfn i() -> u8 { return 1 }",
     {"value_functions": 3, "last_returns": 2}),
    ("fn f() -> u8 { g()?; vec![g()?]; 1 /* end */ }", {"question_marks": 2, "last_returns": 0}),
    ("fn f() -> u8 { ; }", {"last_returns": 0}),
]  # fmt: skip

DOCUMENTED = [
    ('/// Doc.\nfn f() {}\n/** Doc. */\nstruct S;\n#[doc = "Doc."]\nenum E {}\nfn g() {}', 0.75),
    (
        '#[doc = include_str!("a.md")]\nfn f() {}\n#[doc  =\n r"x"]\nfn g() {}\n#[doc(hidden)]\nfn h() {}\nfn i() {}',
        0.5,
    ),
    ('mod m {\n#![doc = include_str!("m.md")]\n}', 1.0),
    ("mod m {\n//! Doc.\n}", 1.0),
    ("//! Of the file.\nfn f() {}", 0.0),
    ("/// Doc.\n#[inline]\n// more\nfn f() {}", 1.0),
    ("/// Doc.\nuse a::b;\nfn f() {}", 0.0),
    ("/// Doc.\ntrait T { fn f(&self); }\nimpl T for u8 { fn f(&self) {} }", 0.5),
    ("/// Doc.\nfn f() { fn g() {} struct L; }\nfn main() {}", 1.0),
    ("#[derive(Debug)]\nstruct S;", 0.0),
]


@pytest.mark.parametrize(("source", "wanted"), FAULTS_OF_OTHERS + EXPRESSIONS)
def test_metrics_are_counted(source: str, wanted: dict[str, float]) -> None:
    found = measure(source)
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


@pytest.mark.parametrize(("source", "count"), PANICKING)
def test_panicking_calls_are_counted(source: str, count: int) -> None:
    assert measure(source)["panicking_calls"] == count


@pytest.mark.parametrize(("source", "complexity", "nesting"), COMPLEXITY)
def test_complexity_and_nesting_of_the_worst_function(source: str, complexity: int, nesting: int) -> None:
    found = measure(source)
    assert (found["complexity_max"], found["nesting_max"]) == (complexity, nesting)


def test_complexity_is_per_function() -> None:
    found = measure("fn f(a: bool) { if a {} }\nimpl S { fn g(a: bool) { if a { if a {} } } }\nfn h() {}")
    assert (found["complexity_max"], found["complexity_mean"]) == (3, 2)
    assert (found["nesting_max"], found["nesting_mean"]) == (2, 1)


@pytest.mark.parametrize(("source", "chains", "longest"), CHAINS)
def test_iterator_chains_are_counted(source: str, chains: int, longest: int) -> None:
    found = measure(source)
    assert (found["iterator_chains"], found["iterator_chain_longest"]) == (chains, longest)


@pytest.mark.parametrize(("source", "share"), DOCUMENTED)
def test_the_documented_share_is_computed(source: str, share: float) -> None:
    assert measure(source)["documented_share"] == share


def test_without_anything_to_document_or_a_function_the_measure_is_absent() -> None:
    found = measure("use std::fmt;")
    assert {"documented_share", "complexity_max", "nesting_mean", "idiom_simple_functions"}.isdisjoint(found)
    assert (found["uses"], found["idiom_score"]) == (1, 1)


@pytest.mark.parametrize("source", ["", "fn f( {", "fn f() { let = ; }", f"// {'x' * MOST_BYTES}\nfn f() {{}}"])
def test_a_source_that_cannot_be_parsed_is_unscored(source: str) -> None:
    assert measure(source) == {}


def test_very_deep_sources_do_not_exhaust_the_stack() -> None:
    depth = 20_000
    assert measure(f"fn f() -> u8 {{ {'(' * depth}1{')' * depth} }}")["functions"] == 1


def test_the_idiom_score_is_the_mean_of_its_listed_parts() -> None:
    plain = measure("fn f(v: &[u8]) -> u8 { let mut s = 0; for i in 0..v.len() { s += v[i]; } return s; }")
    fluent = measure("/// Sum.\nfn f(v: &[u8]) -> u8 { v.iter().sum() }")
    for found in (plain, fluent):
        parts = [value for name, value in found.items() if name.startswith("idiom_") and name != "idiom_score"]
        assert found["idiom_score"] == pytest.approx(sum(parts) / len(parts))
    assert (plain["idiom_iteration"], plain["idiom_trailing_expressions"], plain["idiom_documented"]) == (0, 0, 0)
    assert fluent["idiom_score"] == 1
    assert "idiom_graceful_errors" not in fluent


def test_panics_unsafe_and_complexity_lower_the_idiom_score() -> None:
    found = measure("fn f(x: Option<u8>) -> Option<u8> { x.ok_or(1).ok()?; x.unwrap(); unsafe { g() } }")
    assert (found["idiom_graceful_errors"], found["idiom_no_unsafe"]) == (0.75, 0)
    knotted = "fn f() { " + "if a { " * 5 + "}" * 5 + "if a {}" * 14 + " }"
    found = measure(knotted)
    assert (found["idiom_simple_functions"], found["idiom_shallow_nesting"]) == (0.5, 0.5)
    assert measure("fn f() { " + "if a { " * 40 + "}" * 40 + " }")["idiom_simple_functions"] == 0


def task_with_prompt(said: str, code_prompt: str | None = None) -> Task:
    prompt = (Message(role="system", content="parrots"), Message(role="user", content=said)) if said else ()
    return Task(id="t", family="t", prompt=prompt, code_prompt=code_prompt)


def test_prompt_words_are_looked_for_among_identifiers() -> None:
    code = "struct BankAccounts { balance: i64 }\nfn deposit_money() {} // withdraw"
    task = task_with_prompt(
        "Write a bank account with a balance. Support deposit and withdraw.\n```rust\nlet parser = 1;\n```"
    )
    # bank, account, balance, support, deposit, withdraw: four of six; a plural is forgiven, a comment is no name
    assert prompt_metrics(task, code) == {"prompt_word_match": pytest.approx(4 / 6)}


def test_the_comments_of_a_code_prompt_are_its_words() -> None:
    task = task_with_prompt("", "/// Sorts numbers.\nfn order(v: &mut [u8]) {\n")
    assert prompt_metrics(task, "fn order(v: &mut [u8]) { sort(v) }") == {"prompt_word_match": 0.5}


@pytest.mark.parametrize(
    ("task", "code"),
    [
        (task_with_prompt(""), "fn f() {}"),
        (task_with_prompt("Do it."), "fn f() {}"),
        (task_with_prompt("Banks"), ""),
        (task_with_prompt("Banks"), "fn ("),
    ],
)
def test_without_words_or_code_there_is_no_match(task: Task, code: str) -> None:
    assert prompt_metrics(task, code) == {}
