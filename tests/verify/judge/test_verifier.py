"""Verdicts of a real compiler in the real sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Reason, RustTests, Task, Tests, ValueCase, ValueTests, Verdict, VerifyStage
from burnish.verify import Verifier
from burnish.verify.judge.cache import SqliteVerdictCache
from burnish.verify.sandbox.layers import OWN_COMPILE_SANDBOX

ADD = ValueTests(cases=(ValueCase(call="add(2, 3)", type="i64", expected="5"),))


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig()) as one:
        yield one


def task(name: str, tests: Tests | None = None, **fields: str) -> Task:
    return Task(id=name, family=name, prompt=(), tests=tests, **fields)


def judge(verifier: Verifier, code: str, tests: Tests | None = None) -> Verdict:
    return verifier.verify([(task("t", tests), Completion(task_id="t", text=code))])[0]


@pytest.mark.parametrize(
    ("code", "stage", "reason", "compiled"),
    [
        ("no code here", "extract", "no_code", False),
        ("fn add(a: i64 {", "parse", "compile_error", False),
        ("fn add(a: i64) -> String { a }", "check", "compile_error", False),
        ('fn main() { let z = 0; println!("{}", 1 / z); }', "build", "compile_error", False),
        ("fn helper() {}", "lint", "ok", True),
        ("fn main() {}", "test", "ok", True),
        ("fn main() { std::process::exit(3) }", "test", "runtime_error", True),
        ('fn main() { panic!("no") }', "test", "runtime_error", True),
        ('extern "C" { fn nowhere(); }\nfn main() { unsafe { nowhere() } }', "build", "compile_error", False),
    ],
)
def test_the_ladder_stops_at_the_first_failure(
    verifier: Verifier, code: str, stage: VerifyStage, reason: Reason, compiled: bool
) -> None:
    verdict = judge(verifier, code)
    assert (verdict.stage, verdict.reason, verdict.compiled) == (stage, reason, compiled), verdict.detail
    assert verdict.status == ("pass" if reason == "ok" else "fail")


def test_post_monomorphisation_errors_are_compile_errors_of_the_build(verifier: Verifier) -> None:
    code = (
        "struct Check<const N: usize>;\n"
        "impl<const N: usize> Check<N> { const OK: () = assert!(N > 3); }\n"
        "fn need<const N: usize>() { Check::<N>::OK }\n"
        "fn main() { need::<2>(); }\n"
    )
    verdict = judge(verifier, code)
    assert (verdict.stage, verdict.reason, verdict.compiled) == ("build", "compile_error", False)
    assert any(d.code == "E0080" for d in verdict.diagnostics)


def test_lints_and_codes_come_with_the_verdict(verifier: Verifier) -> None:
    untidy = judge(verifier, "pub fn add(a: i64, b: i64) -> i64 { return a + b; }", ADD)
    assert (untidy.status, untidy.lints, untidy.lint_free) == ("pass", ("clippy::needless_return",), False)
    assert untidy.diagnostics[0].line == 1
    wrong = judge(verifier, 'pub fn add(a: i64, b: i64) -> i64 { "" }', ADD)
    assert [d.code for d in wrong.diagnostics if d.level == "error"] == ["E0308"]


@pytest.mark.parametrize(
    ("code", "lints"),
    [
        ("#![allow(clippy::all)]\npub fn f(v: &Vec<i32>) -> usize { return v.len(); }", {"clippy::needless_return"}),
        ("#![allow(warnings)]\npub fn f() { let x = 1; }", {"unused_variables"}),
        ("#![cfg_attr(all(), allow(unused))]\npub fn f() { let mut x = 1; drop(x); }", {"unused_mut"}),
        ("#[expect(clippy::needless_return)]\npub fn f() -> u8 { return 1; }", {"clippy::needless_return"}),
    ],
)
def test_no_attribute_hides_a_lint(verifier: Verifier, code: str, lints: set[str]) -> None:
    verdict = judge(verifier, code)
    assert (verdict.compiled, lints <= set(verdict.lints)) == (True, True), verdict.lints


@pytest.mark.parametrize(
    ("code", "compiled"),
    [
        ("#![deny(unused_variables)]\npub fn f() { let x = 1; }", False),
        ("#![forbid(warnings)]\npub fn f() { let x = 1; }", False),
        ("#![deny(clippy::all)]\npub fn f() -> u8 { return 1; }", True),  # unknown to the compiler itself
        ("#![deny(unused_variables)]\npub fn f() {}", True),
        ('pub fn f() { let x = { let x = format_args!("{}", 0); x }; drop(x); }', True),
    ],
)
def test_forcing_lints_does_not_decide_what_compiles(verifier: Verifier, code: str, compiled: bool) -> None:
    task_2024 = task("t", edition="2024")
    verdict = verifier.verify([(task_2024, Completion(task_id="t", text=code))])[0]
    assert verdict.compiled is compiled, verdict.diagnostics


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("pub fn sub(a: i64, b: i64) -> i64 { a - b }", "cannot find function `add`"),
        ("pub fn add(a: i64) -> i64 { a }", "E0061"),
    ],
)
def test_tests_that_do_not_fit_are_not_the_crates_failure_to_compile(verifier: Verifier, code: str, said: str) -> None:
    verdict = judge(verifier, code, ADD)
    assert (verdict.stage, verdict.reason, verdict.compiled) == ("build", "tests_failed", True)
    assert "which compiles alone" in verdict.detail
    assert said in verdict.detail
    assert not [d for d in verdict.diagnostics if d.level == "error"]


def test_chance_is_the_same_in_every_run_but_differs_within_one() -> None:
    code = (
        "use std::hash::{BuildHasher, RandomState};\n"
        "fn main() {\n"
        "    let spawned = std::thread::spawn(|| RandomState::new().hash_one(1)).join().unwrap();\n"
        "    let own = RandomState::new().hash_one(1);\n"
        "    assert_ne!(own, spawned);\n"
        "    std::process::exit((own % 100) as i32 + 1);\n"
        "}"
    )
    details = set()
    for _ in range(3):
        with Verifier(VerifyConfig(workers=1)) as fresh:
            details.add(judge(fresh, code).detail)
    assert len(details) == 1
    assert details.pop().startswith("ended with ")


def test_a_crate_name_attribute_is_harmless(verifier: Verifier) -> None:
    code = '#![crate_name = "mine"]\npub fn add(a: i64, b: i64) -> i64 { a + b }\nfn main() {}'
    assert judge(verifier, code, ADD).status == "pass"
    assert judge(verifier, code).status == "pass"


def test_a_private_function_under_test_is_not_dead_code(verifier: Verifier) -> None:
    assert judge(verifier, "fn add(a: i64, b: i64) -> i64 { a + b }", ADD).lint_free


def test_value_cases_reach_types_methods_and_fields(verifier: Verifier) -> None:
    code = (
        "#[derive(Debug, Clone)]\nstruct Point { x: i32, y: i32 }\n"
        "impl Point { fn new(x: i32, y: i32) -> Self { Point { x, y } } fn sum(&self) -> i32 { self.x + self.y } }\n"
        "trait Double { fn double(&self) -> i32; }\n"
        "impl Double for Point { fn double(&self) -> i32 { 2 * self.sum() } }\n"
        "type Result<T> = std::result::Result<T, String>;\n"
        "fn parse(s: &str) -> Result<i32> { s.parse().map_err(|_| s.into()) }\n"
    )
    cases = {
        ("Point::new(1, 2)", "Point"): "Point { x: 1, y: 2 }",
        ("Point { x: 1, y: 5 }.sum()", "i32"): "6",
        ("Point::new(1, 2).double()", "i32"): "6",
        ('parse("x\\ny")', "Result<i32, String>"): 'Err("x\\ny")',
        ('vec![parse("4").unwrap(); 2]', "Vec<i32>"): "[4, 4]",
        ("1.5f64 / 0.0", "f64"): "inf",
    }
    tests = ValueTests(cases=tuple(ValueCase(call=c, type=t, expected=e) for (c, t), e in cases.items()))
    verdict = judge(verifier, code, tests)
    assert (verdict.status, verdict.tests.passed) == ("pass", len(cases)), verdict.detail


def test_zero_tests_are_never_a_pass(verifier: Verifier) -> None:
    assert judge(verifier, "pub fn add() {}", ValueTests(cases=())).status == "fail"
    verdict = judge(verifier, "pub fn add() {}", RustTests(source="fn helper() {}"))
    assert (verdict.status, verdict.stage) == ("infra", "extract")


def test_missing_crates_are_infra_outside_the_budget(tmp_path: Path) -> None:
    needs = Task(id="t", family="t", prompt=(), crates=("rand",))
    with Verifier(VerifyConfig(infra_budget=0.0, dependencies=tmp_path)) as strict:
        verdict = strict.verify([(needs, Completion(task_id="t", text="fn main() {}"))])[0]
    assert (verdict.status, verdict.compiled) == ("infra", None)
    assert "rand; build them: burnish verify dependencies build --from debian" in verdict.detail


def test_equal_programs_are_judged_once_and_answers_keep_their_order(tmp_path: Path) -> None:
    codes = ["fn main() {}", "fn main() { loop_ }", "fn main() {}", "fn main() { panic!() }"]
    pairs = [(task(f"t{i}"), Completion(task_id=f"t{i}", sample_index=i, text=c)) for i, c in enumerate(codes)]
    path = tmp_path / "v.sqlite"
    seen: list[str] = []
    with Verifier(VerifyConfig(cache=path, workers=2)) as first:
        verdicts = first.verify(pairs, on_verdict=lambda v: seen.append(v.task_id))
    assert [v.task_id for v in verdicts] == ["t0", "t1", "t2", "t3"]
    assert [v.sample_index for v in verdicts] == [0, 1, 2, 3]
    assert [v.reason for v in verdicts] == ["ok", "compile_error", "ok", "runtime_error"]
    assert sorted(seen) == ["t0", "t1", "t2", "t3"]
    with Verifier(VerifyConfig(cache=path, workers=1)) as second:
        again = second.verify(pairs)
    assert all(v.cached for v in again)
    plain = {"cached": False}
    assert [v.model_copy(update=plain) for v in again] == [v.model_copy(update=plain) for v in verdicts]


def test_an_interrupt_leaves_no_process_and_keeps_finished_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom burnish.config.verify import VerifyConfig\n"
        "from burnish.records import Completion, Task\nfrom burnish.verify import Verifier\n"
        "codes = ['fn main() {}', 'fn main() { std::thread::sleep(std::time::Duration::from_secs(12)) }']\n"
        "pairs = [(Task(id=str(i), family='f', prompt=()), Completion(task_id=str(i), text=c))"
        " for i, c in enumerate(codes)]\n"
        f"with Verifier(VerifyConfig(cache=Path({str(path)!r}), workers=1)) as v:\n"
        "    v.verify(pairs, on_verdict=lambda v: print(v.task_id, flush=True))\n"
    )
    started = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "0\n"
    _wait_for(lambda: bool(_children_named("program", started.pid)))
    started.send_signal(signal.SIGINT)
    assert started.wait() != 0
    assert not _children_named("program", started.pid)
    with Verifier(VerifyConfig(cache=path)) as again:
        verdict = again.verify([(task("0"), Completion(task_id="0", text="fn main() {}"))])[0]
    assert verdict.cached


def test_a_killed_verifier_leaves_no_process(tmp_path: Path) -> None:
    script = (
        "from burnish.config.verify import VerifyConfig\nfrom burnish.records import Completion, Task\n"
        "from burnish.verify import Verifier\n"
        "code = 'fn main() { std::thread::sleep(std::time::Duration::from_secs(12)) }'\n"
        "v = Verifier(VerifyConfig(workers=1))\n"
        "v.verify([(Task(id='0', family='f', prompt=()), Completion(task_id='0', text=code))])\n"
    )
    started = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    _wait_for(lambda: bool(_children_named("program", started.pid)))
    mine = _children_named("program", started.pid)
    started.kill()
    started.wait()
    _wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in mine))


def test_the_digest_names_what_decides(verifier: Verifier, tmp_path: Path) -> None:
    assert len(verifier.digest) == 64
    cache = SqliteVerdictCache(tmp_path / "v.sqlite")
    with Verifier(VerifyConfig(), cache=cache) as other:
        assert other.digest == verifier.digest
    verdict = judge(verifier, "fn main() {}")
    assert verdict.toolchain.startswith("rustc 1.")
    assert verdict.isolation[0].startswith("bubblewrap ")


def test_programs_share_compilers_by_default_and_verdicts_say_so(verifier: Verifier) -> None:
    verdict = judge(verifier, "pub fn shared_by_default() {}")
    assert verdict.reason == "ok"
    assert OWN_COMPILE_SANDBOX not in verdict.isolation
    assert "namespaces" in verdict.isolation


def test_requiring_a_compile_sandbox_of_ones_own_ends_the_sharing(tmp_path: Path) -> None:
    pairs = [
        (task(str(n), ADD), Completion(task_id=str(n), text=f"pub fn add(a: i64, b: i64) -> i64 {{ {n}; a + b }}"))
        for n in range(4)
    ]
    with Verifier(VerifyConfig(cache=tmp_path / "v.sqlite")) as sharing:
        shared = sharing.verify(pairs)
    apart = VerifyConfig(cache=tmp_path / "v.sqlite", min_isolation=("own-compile-sandbox",))
    with Verifier(apart) as verifier:
        own = verifier.verify(pairs)
        again = verifier.verify(pairs)
    assert [v.reason for v in shared + own] == ["ok"] * 8
    assert not any(OWN_COMPILE_SANDBOX in v.isolation for v in shared)
    assert all(OWN_COMPILE_SANDBOX in v.isolation and not v.cached for v in own)
    assert all(v.cached for v in again)


def _children_named(name: str, ancestor: int) -> list[int]:
    """Descendants of a process with that command name."""
    parents: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                before, _, rest = (folder / "stat").read_text().rpartition(")")
            except OSError:
                continue
            parents[int(folder.name)] = (int(rest.split()[1]), before.partition("(")[2])
    found = []
    for pid, (_, command) in parents.items():
        above = pid
        while above in parents and above != ancestor:
            above = parents[above][0]
        if above == ancestor and command == name and pid != ancestor:
            found.append(pid)
    return found


def _wait_for(holds: object) -> None:
    """Poll until the condition holds; pytest's own time limit ends a hopeless wait."""
    assert callable(holds)
    while not holds():
        os.sched_yield()
