"""Programs are linked without cc where that works, and a warning says why where it does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from burnish.protocols import Job
from burnish.verify.compiler.compile import RUN_LIMITS, Compiler
from burnish.verify.compiler.linker import linker_arguments
from burnish.verify.compiler.toolchain import Toolchain, find_toolchain
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox

PROGRAM = """
use std::collections::HashMap;
use std::sync::mpsc;
thread_local! { static SEEN: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) }; }
fn main() {
    let (sender, receiver) = mpsc::channel();
    let other = std::thread::spawn(move || {
        SEEN.with_borrow_mut(|seen| seen.push("thread".to_string()));
        sender.send(SEEN.with_borrow(|seen| seen.len())).unwrap();
    });
    other.join().unwrap();
    let caught = std::panic::catch_unwind(|| { panic!("caught") });
    let map: HashMap<u32, f64> = (0..9).map(|n| (n, f64::from(n).sin())).collect();
    println!("{} {} {} {}", receiver.recv().unwrap(), caught.is_err(), map.len(), i128::MAX / 3 % 1000);
}
"""


@pytest.fixture
def sandbox() -> Iterator[BubblewrapSandbox]:
    one = BubblewrapSandbox()
    yield one
    one.close()


def loader(toolchain: Toolchain) -> str:
    return next(name for name in toolchain.runtime if Path(name).name.startswith("ld"))


def printed(sandbox: BubblewrapSandbox, toolchain: Toolchain) -> bytes:
    built = Compiler(sandbox, toolchain).build_program(PROGRAM, "2021")
    assert built.reason == "ok", built
    job = Job(
        argv=("/box/program",), stage="run", limits=RUN_LIMITS, files={"program": built.artifact},
        executables=frozenset({"program"}), read_only=toolchain.runtime,
    )  # fmt: skip
    return sandbox.run(job).stdout


def test_a_program_does_the_same_whoever_links_it(sandbox: BubblewrapSandbox) -> None:
    ours = find_toolchain()
    assert printed(sandbox, ours) == printed(sandbox, replace(ours, linking=())) == b"1 true 9 242\n"


def test_what_no_linker_finds_has_no_place_in_the_program(sandbox: BubblewrapSandbox) -> None:
    code = 'extern "C" { fn nowhere() -> i32; } fn main() { unsafe { nowhere(); } }'
    built = Compiler(sandbox, find_toolchain()).build_program(code, "2021")
    assert built.reason == "compile_error"
    assert [(d.code, d.line) for d in built.diagnostics] == [(None, None)]
    assert "nowhere" in built.diagnostics[0].rendered


def test_paths_are_those_of_the_sandbox() -> None:
    toolchain = find_toolchain()
    words = linker_arguments(toolchain.sysroot, "/elsewhere", toolchain.host, loader(toolchain))
    assert f"linker=/elsewhere/lib/rustlib/{toolchain.host}/bin/rust-lld" in words
    assert str(toolchain.sysroot) not in " ".join(words)


def test_without_the_toolchains_linker_cc_links_and_a_warning_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert linker_arguments(tmp_path, "/toolchain", "some-host", "/lib/ld.so") == ()
    assert "rust-lld is not there" in caplog.text


def test_a_linker_whose_program_does_not_start_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    toolchain = find_toolchain()
    with caplog.at_level(logging.WARNING):
        assert linker_arguments(toolchain.sysroot, "/toolchain", toolchain.host, "/nowhere/ld.so") == ()
    assert "linked through cc" in caplog.text


def test_a_linker_that_fails_its_trial_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    toolchain = find_toolchain()
    whole = tmp_path / "sysroot"
    place = whole / f"lib/rustlib/{toolchain.host}/bin/rust-lld"
    place.parent.mkdir(parents=True)
    place.write_text("#!/bin/sh\necho no such flavor >&2\nexit 1\n")
    place.chmod(0o755)
    (whole / "bin").symlink_to(toolchain.sysroot / "bin")
    (whole / f"lib/rustlib/{toolchain.host}/lib").symlink_to(toolchain.sysroot / f"lib/rustlib/{toolchain.host}/lib")
    with caplog.at_level(logging.WARNING):
        assert linker_arguments(whole, "/toolchain", toolchain.host, loader(toolchain)) == ()
    assert "rust-lld does not link here" in caplog.text
    assert "no such flavor" in caplog.text


def test_start_files_that_cc_does_not_have_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = tmp_path / "cc"
    fake.write_text(f"#!/bin/sh\necho install: /\necho libraries: ={tmp_path}:/nowhere\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    toolchain = find_toolchain()
    with caplog.at_level(logging.WARNING):
        assert linker_arguments(toolchain.sysroot, "/toolchain", toolchain.host, loader(toolchain)) == ()
    assert "Scrt1.o is in none" in caplog.text
