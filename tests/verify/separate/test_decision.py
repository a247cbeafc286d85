# ruff: noqa: E501
"""Which tasks are graded in a separate process, and what is said where one is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import DataError
from burnish.records import Completion, Task
from burnish.verify import Verifier
from burnish.verify.separate import build
from burnish.verify.separate.declared import declared_by_prompt
from burnish.verify.separate.travel import CannotTravel
from tests.verify.separate.asking import ADD, ADD_TESTS, judged, task_of

TEST = "#[test]\nfn t() { f(); }"


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("pub fn f(x: impl Fn()) {\n", "`f`: `impl Fn()`, which is no value"),
        ("pub fn f(x: Box<dyn Fn()>) {\n", "`f`: `dyn Fn()`, which is no value"),
        ("pub fn f(x: fn(i32)) {\n", "`f`: `fn(i32)`, which is no value"),
        ("pub fn f(x: *const u8) {\n", "`f`: `*const u8`, which is no value"),
        ("pub async fn f() {\n", "`f`: an async function"),
        ("pub fn f(x: &mut i32) -> &mut i32 {\n", "`f`: a `&mut` that is no argument of its own"),
        ("pub fn f(x: Vec<&mut i32>) {\n", "`f`: a `&mut` that is no argument of its own"),
        ("pub fn f(x: std::fs::File) {\n", "`f`: the type `std::fs::File`"),
        ("pub fn f() -> std::io::Result<u8> {\n", "`f`: the type `std::io::Result<u8>`"),
        ("pub fn f(x: other::Vec<u8>) {\n", "`f`: the type `other::Vec<u8>`"),
        ("pub fn f(x: [u8; N]) {\n", "`f`: an array of `N` elements"),
        ("pub fn f(x: &mut str) {\n", "`f`: `&mut str`"),
        ("pub struct S<T>(T);\npub fn f(x: S<u8>) {\n", "`f`: the generic type `S`"),
        ("pub union U { a: u8 }\npub fn f(x: U) {\n", "`f`: `U`, which is neither struct nor enum"),
        ("pub trait Tr {}\npub fn f(x: Tr) {\n", "`f`: `Tr`, which is neither struct nor enum"),
        ("pub struct S;\nimpl S {\n pub fn f(&self) -> u8 {\n", "methods that are the answer's to write"),
        ("pub struct S;\n", "a prompt that leaves no function open"),
        ("pub fn f( {\n", "a prompt that is no whole Rust when it is closed"),
        ("pub fn f(&self) {\n", "`f`: the parameter `&self`"),
    ],
)
def test_what_cannot_travel_is_named(prompt: str, reason: str) -> None:
    with pytest.raises(CannotTravel) as caught:
        declared_by_prompt(prompt, None)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("prompt", "root", "names"),
    [
        ("pub fn f(x: u8) -> u8 {\n", "/*proxy 0*/", ["f"]),
        ("fn g() -> u8 { 1 }\npub fn f(x: u8) -> u8 {\n", "fn g() -> u8 { 1 }\n/*proxy 0*/", ["f"]),
        ("fn f() -> u8 { todo!() }\nfn g() -> u8 { unimplemented!() }", "/*proxy 0*/\n/*proxy 1*/", ["f", "g"]),
        ("#![allow(unused)]\nuse a::B;\nconst N: usize = 2;\nfn f(x: [u8; N]) -> u8 {}", "\nuse a::B;\nconst N: usize = 2;\n/*proxy 0*/", ["f"]),
        ("fn f<'a>(x: &'a str) -> &'a str {\n // body\n", "/*proxy 0*/", ["f"]),
    ],
)  # fmt: skip
def test_what_a_prompt_gives_is_kept_and_what_it_leaves_open_is_asked_for(
    prompt: str, root: str, names: list[str]
) -> None:
    declared = declared_by_prompt(prompt, None)
    assert declared.root.strip() == root.strip()
    assert [function.name for function in declared.functions] == names


@pytest.mark.parametrize(
    ("task", "grading", "reason"),
    [
        (task_of(ADD, ADD_TESTS), "separate", "no reference to try it with"),
        (task_of(ADD, ADD_TESTS, reference=f"{ADD} a + b }}", entry_point="add"), "separate", "its reference passes"),
        (task_of(None, ADD_TESTS, reference=f"{ADD} a + b }}"), "separate", "its reference passes"),
        (task_of(None, ADD_TESTS), "separate", "by the signatures of each answer"),
        (task_of(ADD, ADD_TESTS, reference=f"{ADD} a - b }}"), "in_process", "its reference does not pass there: tests_failed"),
        (task_of(ADD, "#[test]\nfn t() { assert_eq!(helper(), 5); }"), "in_process", "the tests need more: cannot find function `helper`"),
        (task_of("fn f(x: impl Fn()) {\n", TEST), "in_process", "`f`: `impl Fn()`"),
        (task_of(ADD, ADD_TESTS, edition="2015"), "in_process", "edition 2015"),
        (task_of("static A: u8 = 1;\npub fn at() -> &'static u8 {\n", "#[test]\nfn t() { assert!(std::ptr::eq(at(), at())); }",
                 reference="static A: u8 = 1;\npub fn at() -> &'static u8 { &A }"), "in_process", "does not pass there"),
    ],
)  # fmt: skip
def test_the_task_and_its_reference_decide(verifier: Verifier, task: Task, grading: str, reason: str) -> None:
    found = verifier.grading_of(task)
    assert found is not None
    assert found.grading == grading
    assert reason in found.reason


def test_an_answer_of_another_signature_fails_and_is_not_graded_elsewhere(verifier: Verifier) -> None:
    verdict = judged(verifier, task_of(ADD, ADD_TESTS), "pub fn add<F: Fn()>(f: F) {}")
    assert (verdict.reason, verdict.stage, verdict.grading) == ("tests_failed", "build", "separate")
    task = task_of(None, ADD_TESTS, reference=f"{ADD} a + b }}")
    verdict = judged(verifier, task, "pub fn add(a: impl Into<i64>, b: impl Into<i64>) -> i64 { a.into() + b.into() }")
    assert (verdict.reason, verdict.grading) == ("ok", "separate")


def test_tests_that_a_macro_makes_are_all_counted(verifier: Verifier) -> None:
    made = "macro_rules! t { ($($n:ident $a:expr, $s:expr;)*) => { $(#[test] fn $n() { assert_eq!(add($a, 1), $s); })* } }\n"
    tests = f"use super::*;\n{made}t! {{ one 1, 2; two 2, 3; three 3, 5; }}\n#[test]\nfn plain() {{ assert_eq!(add(0, 0), 0); }}"
    verdict = judged(verifier, task_of(ADD, tests), f"{ADD} a + b }}")
    assert (verdict.reason, verdict.tests.passed, verdict.tests.expected) == ("tests_failed", 3, 4)
    unseen = task_of("pub fn add(a: i64, b: i64) -> i64 {\n", f"{tests}\n#[test]\nfn more() {{ helper(); }}")
    verdict = judged(verifier, unseen, f"fn helper() {{}}\n{ADD} a + b }}")
    assert (verdict.reason, verdict.tests.passed, verdict.tests.expected) == ("tests_failed", 4, 5)
    assert verdict.grading == "in_process"
    foreign = task_of("pub fn add(a: i64, b: i64) -> i64 {\n", "elsewhere! { a }\n#[test]\nfn t() { helper(); }")
    verdict = judged(verifier, foreign, f"fn helper() {{}}\n{ADD} a + b }}")
    assert (verdict.status, verdict.stage) == ("infra", "extract")
    assert "elsewhere! makes cannot be counted" in verdict.detail


def test_test_programs_are_kept_beside_the_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_codec_folder", lambda: tmp_path / "codec")
    config = VerifyConfig(sandbox="bubblewrap", cache=tmp_path / "verdicts.sqlite", infra_budget=1.0)
    task = task_of(ADD, ADD_TESTS)
    with Verifier(config) as first:
        assert judged(first, task, f"{ADD} a + b }}").reason == "ok"
    kept = [*(tmp_path / "verdicts.sqlite-programs").iterdir(), *(tmp_path / "codec").iterdir()]
    assert len(kept) == 2
    before = [path.stat().st_mtime_ns for path in kept]
    with Verifier(config) as second:
        assert judged(second, task, f"{ADD} b + a }}").reason == "ok"
    assert [path.stat().st_mtime_ns for path in kept] == before
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])
    with Verifier(config) as third:
        answers = [Completion(task_id="t", text=f"{ADD} {body} }}") for body in ("0 + a + b", "a - b")]
        verdicts = third.verify([(task, answer) for answer in answers])
    assert [v.reason for v in verdicts] == ["ok", "tests_failed"]


def test_a_run_that_asks_for_separate_grading_is_refused_before_it_starts() -> None:
    kept = task_of(ADD, ADD_TESTS)
    config = VerifyConfig(sandbox="bubblewrap", infra_budget=1.0, min_grading="separate")
    with Verifier(config) as strict:
        assert judged(strict, kept, f"{ADD} a + b }}").grading == "separate"
        for other in (task_of("fn f(x: impl Fn()) {\n", TEST), task_of(None, ADD_TESTS)):
            beside = other.model_copy(update={"id": "beside"})
            pairs = [(one, Completion(task_id=one.id, text="fn f() {}")) for one in (kept, beside)]
            with pytest.raises(DataError, match=r"1 of 2 tasks .* the first: beside: .*") as caught:
                strict.verify(pairs)
            assert "min_grading" in caught.value.way_out
            with pytest.raises(DataError, match="1 of 2 tasks"):
                strict.gradings([kept, beside])
            with pytest.raises(DataError, match="1 of 1 tasks"):
                list(strict.stream(pairs))
