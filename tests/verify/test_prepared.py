"""A compiler that is started once answers as one that is started each time, and what goes wrong goes elsewhere."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from burnish.protocols import Job
from burnish.verify.compiler.compile import COMPILE_LIMITS, Compiler
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.prepared import PreparedSandbox
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox


@pytest.fixture(scope="module")
def inner() -> Iterator[BubblewrapSandbox]:
    sandbox = BubblewrapSandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def prepared(inner: BubblewrapSandbox) -> Iterator[PreparedSandbox]:
    sandbox = PreparedSandbox(inner, find_toolchain())
    yield sandbox
    sandbox.close()


@pytest.mark.parametrize(
    "code", ["pub fn f() -> u8 { 1 }", "pub fn f() -> u8 { return 1; }", 'pub fn f() -> u8 { "" }', "fn f( {", ""]
)
def test_a_prepared_compiler_gives_the_plain_verdicts(
    inner: BubblewrapSandbox, prepared: PreparedSandbox, code: str
) -> None:
    plain = Compiler(inner, find_toolchain()).check(code, "2021", "lib", reachable=False)
    ours = Compiler(prepared, find_toolchain()).check(code, "2021", "lib", reachable=False)
    assert prepared.used == 1
    assert (ours.shared, plain.shared) == (True, False)
    assert replace(ours, cpu_ms=0.0, shared=False) == replace(plain, cpu_ms=0.0)


def test_a_built_program_is_the_same_file(inner: BubblewrapSandbox, prepared: PreparedSandbox) -> None:
    code = 'fn main() { println!("built"); }'
    plain = Compiler(inner, find_toolchain()).build_program(code, "2021")
    ours = Compiler(prepared, find_toolchain()).build_program(code, "2021")
    assert prepared.used == 2  # the linked-in object, and the program
    assert ours.artifact == plain.artifact != b""


def test_jobs_leave_no_files_for_later_jobs(prepared: PreparedSandbox) -> None:
    toolchain = find_toolchain()

    def job(files: dict[str, bytes]) -> Job:
        words = (toolchain.rustc, "a.rs", "--sysroot", toolchain.inside, "--crate-type", "lib", "--emit=metadata")
        return Job(argv=words, stage="compile", limits=COMPILE_LIMITS, files=files, read_only=toolchain.binds)

    with_module = prepared.run(job({"a.rs": b"mod left;", "left.rs": b"pub fn f() {}"}))
    without = prepared.run(job({"a.rs": b"mod left;"}))
    assert (with_module.exit_code, without.exit_code) == (0, 1)
    assert b"E0583" in without.stderr
    assert prepared.used == 2


@pytest.mark.parametrize(
    "code",
    [
        'const S: &str = include_str!("/proc/1/cmdline");',
        'const S: &str = r#include_str!("/proc/1/cmdline");',
        'const S: Option<&str> = option_env!("LD_PRELOAD");',
        '#[path = "/proc/1/cmdline"] mod m;',
        'core::arch::global_asm!(".incbin \\"/proc/1/cmdline\\"");',
    ],
)
def test_a_program_that_could_look_around_gets_a_sandbox_of_its_own(prepared: PreparedSandbox, code: str) -> None:
    Compiler(prepared, find_toolchain()).check(code, "2021", "lib", reachable=True)
    assert prepared.used == 0


def test_a_compiler_that_does_not_end_is_replaced(prepared: PreparedSandbox) -> None:
    endless = "pub const N: u64 = { let mut n = 0; loop { n += 1; if n == u64::MAX { break n } } };"
    allowed = "#![allow(long_running_const_eval)]\n" + endless
    compiler = Compiler(prepared, find_toolchain())
    assert compiler.check("pub fn f() {}", "2021", "lib", reachable=True).reason == "ok"
    job_limits = replace(COMPILE_LIMITS, cpu_s=1, wall_s=4)
    toolchain = find_toolchain()
    words = (toolchain.rustc, "a.rs", "--sysroot", toolchain.inside, "--crate-type", "lib", "--emit=metadata")
    job = Job(
        argv=words, stage="compile", limits=job_limits, files={"a.rs": allowed.encode()}, read_only=toolchain.binds
    )
    assert prepared.run(job).exceeded == "cpu"
    assert compiler.check("pub fn f() {}", "2021", "lib", reachable=True).reason == "ok"
    assert prepared.used == 2


def test_killed_servers_are_replaced(inner: BubblewrapSandbox, prepared: PreparedSandbox) -> None:
    compiler = Compiler(prepared, find_toolchain())
    assert compiler.check("pub fn f() {}", "2021", "lib", reachable=True).reason == "ok"
    inner.stop()
    assert compiler.check("pub fn f() {}", "2021", "lib", reachable=True).reason == "infra"
    inner.resume()
    assert compiler.check("pub fn f() {}", "2021", "lib", reachable=True).reason == "ok"


def test_nothing_is_left_after_closing(inner: BubblewrapSandbox) -> None:
    before = threading.active_count()
    prepared = PreparedSandbox(inner, find_toolchain())
    Compiler(prepared, find_toolchain()).check("pub fn f() {}", "2021", "lib", reachable=True)
    assert threading.active_count() == before + 1
    prepared.close()
    assert threading.active_count() == before


def test_a_server_ends_though_a_forked_process_holds_its_socket(inner: BubblewrapSandbox) -> None:
    prepared = PreparedSandbox(inner, find_toolchain())
    Compiler(prepared, find_toolchain()).check("pub fn f() {}", "2021", "lib", reachable=True)
    release, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(held)
        os.read(release, 1)
        os._exit(0)
    try:
        prepared.close()  # would wait for the child, which holds copies of all descriptors
    finally:
        os.close(held)
        os.waitpid(child, 0)
        os.close(release)


def test_starts_that_fail_while_jobs_are_well_end_the_attempts(
    inner: BubblewrapSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "prepared.so"
    broken.write_bytes(b"not a library")
    prepared = PreparedSandbox(inner, find_toolchain())
    prepared._library = broken
    inner.stop()
    compiler = Compiler(prepared, find_toolchain())
    for _ in range(4):
        assert compiler.check("pub fn f() {}", "2021", "lib", reachable=True).reason == "infra"
    inner.resume()
    assert "kept ready" not in caplog.text  # being stopped is no failure of theirs
    for _ in range(4):
        assert compiler.check("pub fn f() {}", "2021", "lib", reachable=True).reason == "ok"
    assert prepared.used == 0
    assert caplog.text.count("kept ready") == 1
