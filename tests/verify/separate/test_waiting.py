# ruff: noqa: E501
"""A test program that waits and forks for each test gives the verdicts of one that is started for each."""

from __future__ import annotations

import pytest

from burnish.config.verify import VerifyConfig
from burnish.protocols import Job, JobResult
from burnish.records import Completion, Message, RustTests, Task
from burnish.verify import Verifier
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox

ANSWERS = (
    "pub fn f(x: i32) -> i32 { x + 1 }",
    "pub fn f(x: i32) -> i32 { 1 + x }",
    "pub fn f(x: i32) -> i32 { x }",
    "pub fn f(x: i32) -> i32 { panic!(\"no {x}\") }",
    "pub fn f(_: i32) -> i32 { std::process::exit(0) }",
    "pub fn f(_: i32) -> i32 { std::process::abort() }",
)  # fmt: skip
TESTS = {
    "two": "#[test] fn a() { assert_eq!(f(1), 2); }\n#[test] fn b() { assert_eq!(f(2), 3); }",
    "main": "fn main() { assert_eq!(f(1), 2); }",
    "leaves a file": "#[test] fn t() { assert_eq!(std::fs::read_dir(\".\").unwrap().count(), 1); std::fs::write(\"left\", \"x\").unwrap(); assert_eq!(f(1), 2); }",
    "threads": "#[test] fn t() { std::thread::spawn(|| { assert_eq!(f(1), 2) }).join().unwrap() }",
    "speaks of threads": "#[test] fn t() { eprintln!(\"thread 'x' (77) panicked at y\"); assert_eq!(f(1), 2); }",
    "a panic text": "#[test] #[should_panic(expected = \"no 7\")] fn t() { f(7); }",
    "reads what it wrote": "#[test] fn a() { std::fs::write(\"x\", \"1\").unwrap(); std::fs::remove_file(\"x\").unwrap(); assert_eq!(f(1), 2); }",
    "overflows": "fn g(n: u64) -> u64 { if n == 0 { 0 } else { 1 + g(n - 1) + std::hint::black_box(0) } }\n#[test] fn t() { if f(1) == 1 { g(1 << 40); } assert_eq!(f(1), 2); }",
    "prints without end": "#[test] fn t() { if f(1) == 1 { for _ in 0..400_000 { eprintln!(\"0123456789\"); } } assert_eq!(f(1), 2); }",
    "ends its process": "#[test] fn t() { if f(1) != 2 { std::process::exit(3) } }",
    "hash order": "#[test] fn t() { let s: std::collections::HashSet<i32> = (0..f(9)).collect(); let v: Vec<_> = s.iter().collect(); assert_eq!(format!(\"{v:?}\"), \"\"); }",
    "its number": "#[test] fn t() { assert_eq!(f(std::process::id() as i32), std::process::id() as i32 + 1); }",
}  # fmt: skip


def task_of(name: str) -> Task:
    return Task(
        id=name, family="f", prompt=(Message(role="user", content="Write f."),), entry_point="f",
        tests=RustTests(source=TESTS[name]), code_prompt="pub fn f(x: i32) -> i32 {\n",
    )  # fmt: skip


def test_verdicts_equal_those_of_programs_started_for_each_test() -> None:
    pairs = [(task_of(name), Completion(task_id=name, text=code)) for name in TESTS for code in ANSWERS]
    config = VerifyConfig(sandbox="bubblewrap", infra_budget=1.0)
    with Verifier(config) as waiting, Verifier(config, prepared=False, together="never") as started:
        for (task, answer), one, other in zip(pairs, waiting.verify(pairs), started.verify(pairs), strict=True):
            for field in ("status", "stage", "reason", "detail", "tests", "grading"):
                assert getattr(one, field) == getattr(other, field), (task.id, answer.text, field)


def test_one_started_program_serves_all_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, ...]] = []
    run = BubblewrapSandbox.run

    def counted(self: BubblewrapSandbox, job: Job) -> JobResult:
        if job.stage == "run":
            started.append(job.argv[1:2])
        return run(self, job)

    monkeypatch.setattr(BubblewrapSandbox, "run", counted)
    texts = [f"// {n}\n{ANSWERS[0]}" for n in range(8)]
    with Verifier(VerifyConfig(sandbox="bubblewrap", workers=1)) as verifier:
        verdicts = verifier.verify([(task_of("two"), Completion(task_id="two", text=text)) for text in texts])
    assert [verdict.status for verdict in verdicts] == ["pass"] * 8
    assert started.count(("--wait",)) == 1
    assert started.count(()) >= 16  # every test of every answer has an answer's process of its own
