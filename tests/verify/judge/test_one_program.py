"""One program: what the linter is shown is what the compiler compiles, and an end is told as the kernel tells it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Task, Verdict
from burnish.verify import Verifier
from burnish.verify.compiler import compiler_view
from burnish.verify.compiler.compiler_view import as_compiled, may_deceive, tells_the_linter
from burnish.verify.judge.ladder import Goal


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(VerifyConfig(infra_budget=1.0)) as one:
        yield one


def judge(verifier: Verifier, codes: list[str], goal: Goal) -> list[Verdict]:
    pairs = [
        (Task(id=str(n), family="f", prompt=()), Completion(task_id=str(n), text=f"``````rust\n{code}\n``````\n"))
        for n, code in enumerate(codes)
    ]
    return verifier.verify(pairs, goals=[goal] * len(pairs))


MESSY = "pub fn f() -> u8 { return 1; }"
TIDY = "pub fn f() -> u8 { 1 }"
CHECKED = {
    '#[cfg(not(clippy))]\ncompile_error!("not for the linter");\n' + TIDY: ("compile_error", ()),
    '#[cfg(clippy)]\ncompile_error!("for the linter alone");\n' + TIDY: ("ok", ()),
    f"#[cfg(clippy)]\n{TIDY}\n#[cfg(not(clippy))]\n{MESSY}": ("ok", ("clippy::needless_return",)),
    f"#[cfg(not(clippy))]\n{TIDY}\n#[cfg(clippy)]\n{MESSY}": ("ok", ()),
    "pub fn f() -> bool { cfg!(clippy) }\n#[cfg(rustfmt)] pub fn g() {}": ("ok", ()),
    '#[cfg(feature = "cargo-clippy")]\ncompile_error!("");\n' + TIDY: ("ok", ("unexpected_cfgs",)),
    f"#![cfg_attr(not(clippy), deny(unused_variables))]\n{TIDY}\npub fn g() {{ let x = 1; }}": (
        "compile_error",
        ("unused_variables",),
    ),
    f"#![cfg_attr(clippy, allow(clippy::all))]\n{MESSY}": ("ok", ("clippy::needless_return",)),
    "macro_rules! m { ($a:ident :: $b:ident) => { #[cfg($a)] pub fn f() -> u8 { 1 } #[cfg(not($a))] "
    "pub fn f() -> u8 { return 1; } } }\nm!(clippy::all);": ("ok", (compiler_view.UNSEEN,)),
    "#![allow(clippy::all)]\n#[cfg(test)] mod tests {}\n" + TIDY: ("ok", ()),
}


def test_the_linter_is_shown_what_the_compiler_compiles(verifier: Verifier) -> None:
    verdicts = judge(verifier, list(CHECKED), "check")
    assert [(v.reason, v.lints) for v in verdicts] == list(CHECKED.values())


def test_without_the_layer_the_linter_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler_view, "tells_the_linter", lambda _: False)
    with Verifier(VerifyConfig()) as verifier:
        assert judge(verifier, list(CHECKED)[:1], "check")[0].reason == "ok"


@pytest.mark.parametrize(
    ("code", "tells"),
    [
        ("#[cfg(clippy)] fn f() {}", True),
        ("#[cfg(any(unix, clippy))] fn f() {}", True),
        ("#[cfg(/* */ r#clippy)] fn f() {}", True),
        ("#[cfg(rustfmt)] fn f() {}", True),
        ("#![allow(clippy::all)]\n#[cfg(test)] mod tests {}", False),
        ("// clippy likes this", False),
    ],
)
def test_only_conditions_tell_the_linter(code: str, tells: bool) -> None:
    assert tells_the_linter(code) is tells


def test_columns_stay_where_the_word_is_replaced() -> None:
    code = "#[cfg(clippy)] #[allow(clippy::all)] fn clippy_like() {}"
    assert as_compiled(code) == "#[cfg(cl1ppy)] #[allow(clippy::all)] fn clippy_like() {}"
    assert not may_deceive(code)
    assert may_deceive("macro_rules! m { ($a:ident) => { #[cfg($a)] fn f() {} } } clippy::x")


C = 'unsafe extern "C" { fn raise(s: i32) -> i32; fn alarm(s: u32) -> u32; fn pause() -> i32; fn fork() -> i32; }\n'
ENDS = {
    C + "fn main() { unsafe { raise(15); } }": ("runtime_error", "ended with -15"),
    C + "fn main() { unsafe { raise(14); } }": ("runtime_error", "ended with -14"),
    C + "fn main() { unsafe { alarm(1); pause(); } }": ("runtime_error", "ended with -14"),
    C + "fn main() { unsafe { raise(10); } }": ("runtime_error", "ended with -10"),
    "fn main() { std::process::abort() }": ("runtime_error", "ended with -6"),
    "fn main() { std::process::exit(129) }": ("runtime_error", "ended with 129"),
    "fn main() { std::process::exit(159) }": ("runtime_error", "ended with 159"),
    "fn main() { std::process::exit(137) }": ("runtime_error", "ended with 137"),
    "fn main() { let v: Vec<u8> = Vec::with_capacity(1 << 40); std::hint::black_box(&v); }": ("memory", "allocation"),
    "static BIG: [u64; 10_000_000] = [1; 10_000_000];\nfn main() { println!(\"{}\", BIG[3]); }": (
        "output_limit",
        "larger than its work folder",
    ),
    "static mut BIG: [u8; 600 << 20] = [0; 600 << 20];\nfn main() { println!(\"{:p}\", &raw const BIG); }": (
        "memory",
        "",
    ),
    C + "fn main() { unsafe { raise(25); } }": ("memory", "work folder"),
}  # fmt: skip


def test_an_end_is_told_as_the_kernel_tells_it(verifier: Verifier) -> None:
    verdicts = judge(verifier, list(ENDS), "run")
    assert [v.reason for v in verdicts] == [reason for reason, _ in ENDS.values()], [v.detail for v in verdicts]
    for verdict, (_, said) in zip(verdicts, ENDS.values(), strict=True):
        assert said in verdict.detail


def test_a_program_that_stops_itself_waits_for_nobody(verifier: Verifier) -> None:
    [verdict] = judge(verifier, [C + "fn main() { unsafe { raise(19); } }"], "run")
    assert verdict.reason == "timeout"


def test_a_full_work_folder_is_a_limit_and_no_compile_error(verifier: Verifier) -> None:
    big = 'static BIG: [u64; {0}] = [1; {0}];\nfn main() {{ println!("{{}}", BIG[std::env::args().count()]); }}'
    verdicts = judge(verifier, [big.format(28 << 20), big.format(60 << 20)], "run")
    assert {v.reason for v in verdicts} <= {"output_limit", "memory"}, [v.detail for v in verdicts]


FORK = 'extern "C" { fn fork() -> i32; fn _exit(c: i32) -> !; fn sleep(s: u32) -> u32; fn wait(s: *mut i32) -> i32; }\n'
COUNTED = {
    "fn main() { let gate = std::sync::Arc::new(std::sync::Barrier::new(257)); let all: Vec<_> = (0..256).map(|_| {"
    " let gate = gate.clone(); std::thread::spawn(move || { gate.wait(); }) }).collect();"
    " gate.wait(); for one in all { one.join().unwrap() } }": "ok",
    f"{FORK}fn main() {{ for _ in 0..400 {{ unsafe {{ let p = fork(); if p == 0 {{ _exit(0) }} assert!(p > 0);"
    " wait(std::ptr::null_mut()); } } }": "ok",
    f"{FORK}fn main() {{ for _ in 0..200 {{ unsafe {{ let p = fork(); if p == 0 {{ sleep(9); _exit(0) }}"
    " assert!(p > 0) } } }": "runtime_error",
    f"{FORK}fn main() {{ for _ in 0..200 {{ std::thread::spawn(|| unsafe {{ if fork() == 0 {{ sleep(9); }} }})"
    '.join().unwrap() } panic!("{}", unsafe { fork() }) }': "runtime_error",
}


def test_threads_and_processes_are_counted_apart(verifier: Verifier) -> None:
    verdicts = judge(verifier, list(COUNTED), "run")
    assert [v.reason for v in verdicts] == list(COUNTED.values()), [v.detail for v in verdicts]
    assert "panicked" in verdicts[2].detail
    assert "-1" in verdicts[3].detail
