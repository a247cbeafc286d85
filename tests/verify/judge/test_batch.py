"""Programs judged together get the verdicts that each gets alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks.same_verdicts import built_in, differences

from burnish.config.verify import VerifyConfig
from burnish.protocols import Job, JobResult, Sandbox
from burnish.records import Completion, Task, Tests, ValueCase, ValueTests, Verdict
from burnish.verify import Verifier
from burnish.verify.judge.ladder import Goal
from burnish.verify.judge.shared_crate_rule import may_join
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.layers import OWN_COMPILE_SANDBOX

ADD = ValueTests(cases=(ValueCase(call="add(2, 3)", type="i64", expected="5"),))
GOOD = "pub fn add(a: i64, b: i64) -> i64 {{ let n{0} = a; n{0} + b }}"


class Recording:
    """Passes jobs on and keeps them."""

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner
        self.jobs: list[Job] = []

    @property
    def layers(self) -> tuple[str, ...]:
        return self._inner.layers

    def run(self, job: Job) -> JobResult:
        self.jobs.append(job)
        return self._inner.run(job)


@pytest.fixture
def recording() -> Iterator[Recording]:
    inner = BubblewrapSandbox()
    yield Recording(inner)
    inner.close()


def judge(recording: Recording, codes: list[str], tests: Tests | None, goal: Goal) -> list[Verdict]:
    pairs = [
        (
            Task(id=str(i), family="f", prompt=(), tests=tests),
            Completion(task_id=str(i), text=f"```rust\n{code}\n```\n"),
        )
        for i, code in enumerate(codes)
    ]
    with Verifier(VerifyConfig(workers=1), sandbox=recording, together="always") as verifier:
        return verifier.verify(pairs, goals=[goal] * len(pairs))


def compiled_and_run(recording: Recording) -> tuple[int, int]:
    stages = [job.stage for job in recording.jobs if "entropy.rs" not in job.files]
    return stages.count("compile"), stages.count("run")


def test_good_programs_share_compilations_and_none_shares_a_run(recording: Recording) -> None:
    verdicts = judge(recording, [GOOD.format(n) for n in range(6)], ADD, "test")
    assert [v.reason for v in verdicts] == ["ok"] * 6
    assert compiled_and_run(recording) == (2, 6)
    programs = [job.files["program"] for job in recording.jobs if job.stage == "run"]
    assert len(set(programs)) == 6


def test_a_faulty_program_is_taken_out_and_the_others_kept(recording: Recording) -> None:
    codes = [GOOD.format(n) for n in range(5)]
    codes[1] = 'pub fn add(a: i64, b: i64) -> i64 { "no" }'
    codes[3] = "pub fn other(a: i64) -> i64 { a }"
    verdicts = judge(recording, codes, ADD, "test")
    assert [(v.reason, v.stage) for v in verdicts] == [
        ("ok", "test"), ("compile_error", "check"), ("ok", "test"), ("tests_failed", "build"), ("ok", "test"),
    ]  # fmt: skip
    assert [d.code for d in verdicts[1].diagnostics] == ["E0308"]
    # together: check, check without 1, build, build without 3; alone: check of 1, library and harness of 3
    assert compiled_and_run(recording) == (7, 3)


def test_each_candidate_answers_for_itself(recording: Recording) -> None:
    codes = ["pub fn add(a: i64, b: i64) -> i64 { a + b }", "pub fn add(a: i64, b: i64) -> i64 { a - b }"]
    codes += [
        "pub fn add(a: i64, b: i64) -> i64 { a / (b - 3) }",
        "pub fn add(a: i64, b: i64) -> i64 { std::process::abort() }",
    ]
    codes += ["pub fn add(a: i64, b: i64) -> i64 { return a + b; }"]
    verdicts = judge(recording, codes, ADD, "test")
    assert [v.reason for v in verdicts] == ["ok", "tests_failed", "runtime_error", "runtime_error", "ok"]
    assert [v.lints for v in verdicts][-1] == ("clippy::needless_return",)
    assert "candidate.rs" in verdicts[-1].diagnostics[0].rendered


def test_verdicts_are_the_same_as_alone() -> None:
    judged = [*built_in(24)]
    different, unstable = differences(judged)
    assert not different
    assert not unstable


@pytest.mark.parametrize(
    "code",
    [
        "pub fn f() { unsafe {} }",
        "pub fn f() -> u8 { crate::g() }",
        "mod a { use super::*; }",
        "mod a;",
        "#![allow(dead_code)] fn f() {}",
        "//! Documentation of the whole.\nfn f() {}",
        "#[no_mangle] pub fn f() {}",
        '#[export_name = "x"] pub fn f() {}',
        '#[link_section = ".init_array"] static F: u8 = 0;',
        "#[cfg(test)] fn f() {}",
        "#[non_exhaustive] pub struct S;",
        "macro_rules! m { () => {} }",
        'pub fn f() -> &\'static str { include_str!("joined_1.rs") }',
        "pub fn f() -> u32 { line!() }",
        "pub fn f() -> &'static str { std::any::type_name::<u8>() }",
        "pub struct S; impl From<S> for i64 { fn from(_: S) -> i64 { 0 } }",
        "fn main() {}",
        "pub fn joined_0() {}",
    ],
)
def test_what_could_reach_others_goes_alone(code: str) -> None:
    assert not may_join(code, "2021")


@pytest.mark.parametrize(
    "code",
    [
        "pub fn f(line: &str) -> bool { line.chars().any(|c| c == 'a') }",
        "#[derive(Debug)] pub struct P { x: i32 }\nimpl P { pub fn x(&self) -> i32 { self.x } }",
        "pub struct S; impl From<i64> for S { fn from(_: i64) -> S { S } }",
        "pub trait T { fn t(&self); } impl T for i64 { fn t(&self) {} }",
    ],
)
def test_plain_programs_share_a_compilation(code: str) -> None:
    assert may_join(code, "2021")
    assert not may_join(code, "2015")


def test_one_pass_settles_programs_that_end_by_themselves(recording: Recording) -> None:
    codes = ["fn main() {}", 'fn main() { panic!("no") }', "fn main() { unknown() }", "fn main() {"]
    verdicts = judge(recording, codes, None, "run")
    assert [v.reason for v in verdicts] == ["ok", "runtime_error", "compile_error", "compile_error"]
    assert compiled_and_run(recording) == (4, 2)


def test_a_program_that_a_signal_ends_is_built_again_as_rustc_builds_it(recording: Recording) -> None:
    [verdict] = judge(recording, ["fn main() { std::process::abort() }"], None, "run")
    assert verdict.reason == "runtime_error"
    assert compiled_and_run(recording) == (2, 2)
    compilers = [job.argv[0].rpartition("/")[2] for job in recording.jobs if "candidate.rs" in job.files]
    assert compilers == ["clippy-driver", "rustc"]


def test_programs_that_shared_a_compilation_say_so(recording: Recording) -> None:
    codes = [*(GOOD.format(n) for n in range(3)), "pub fn add(a: i64, b: i64) -> i64 { unsafe { a + b } }"]
    verdicts = judge(recording, codes, ADD, "test")
    assert [v.reason for v in verdicts] == ["ok"] * 4
    assert [OWN_COMPILE_SANDBOX in v.isolation for v in verdicts] == [False, False, False, True]
