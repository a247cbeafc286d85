"""Limits, kill order and isolation of the real sandbox, with the system's own small programs as subjects."""

from __future__ import annotations

import contextlib
import os
import signal as signals
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from burnish.errors import MissingToolError, SandboxError
from burnish.protocols import Job, JobResult, Limits
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox

MIB = 1 << 20
LIMITS = Limits(cpu_s=5, wall_s=10, memory_bytes=256 * MIB, pids=16, work_bytes=8 * MIB, output_bytes=MIB)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BubblewrapSandbox]:
    one = BubblewrapSandbox()
    yield one
    one.close()


def shell(
    sandbox: BubblewrapSandbox,
    script: str,
    limits: Limits = LIMITS,
    *,
    files: dict[str, bytes] | None = None,
    collect: tuple[str, ...] = (),
    stdin: bytes = b"",
) -> JobResult:
    job = Job(("/bin/sh", "-c", script), "compile", limits, files=files or {}, collect=collect, stdin=stdin)
    return sandbox.run(job)


def test_files_go_in_and_come_out(sandbox: BubblewrapSandbox) -> None:
    result = shell(sandbox, "cat a/b - >out; cat out", files={"a/b": b"one "}, collect=("out", "none"), stdin=b"two")
    assert (result.exit_code, result.stdout, result.fault) == (0, b"one two", "")
    assert result.collected == {"out": b"one two", "none": b""}
    assert result.cpu_ms > 0


def test_large_input_and_output_do_not_deadlock(sandbox: BubblewrapSandbox) -> None:
    text = b"0123456789abcdef" * 40_000
    assert shell(sandbox, "cat", stdin=text).stdout == text


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 3", 3),
        ("exit 129", 129),
        ("exit 137", 137),
        ("exit 255", 255),
        ("sh -c 'kill -11 $$'; exit $?", 139),
        *((f"kill -{number} $$; exit 0", -number) for number in (1, 2, 3, 6, 9, 11, 13, 14, 15, 31)),
        ("sleep 9 & kill -TERM 0; exit 0", -15),
    ],
)
def test_exit_codes_and_signals_are_told_apart(sandbox: BubblewrapSandbox, script: str, code: int) -> None:
    result = shell(sandbox, script)
    assert (result.exit_code, result.exceeded, result.fault) == (code, "", "")


def test_signals_that_the_caller_ignores_are_not_ignored_inside() -> None:
    ignored = (signals.SIGHUP, signals.SIGQUIT, signals.SIGTERM)
    before = {number: signals.signal(number, signals.SIG_IGN) for number in ignored}
    try:
        with contextlib.closing(BubblewrapSandbox()) as started:
            for number in ignored:
                assert shell(started, f"kill -{int(number)} $$; exit 0").exit_code == -number
    finally:
        for number, handler in before.items():
            signals.signal(number, handler)


@pytest.mark.parametrize("signal", ["STOP", "TSTP"])
def test_a_program_that_stops_itself_runs_into_the_wall(sandbox: BubblewrapSandbox, signal: str) -> None:
    result = shell(sandbox, f"kill -{signal} $$; exit 0", replace(LIMITS, wall_s=0.5))
    assert (result.exceeded, result.fault) == ("wall", "")


def test_nothing_inside_reaches_the_first_process(sandbox: BubblewrapSandbox) -> None:
    attempt = "kill -9 1; kill -15 1; kill -19 1; cat /proc/1/environ /proc/1/mem; ls /proc/1/fd; exit 7"
    result = shell(sandbox, attempt)
    assert (result.exit_code, result.stdout, result.fault) == (7, b"", "")


def test_a_file_that_is_no_program_is_the_jobs_own_fault(sandbox: BubblewrapSandbox) -> None:
    files = {"program": b"no program"}
    result = sandbox.run(Job(("/box/program",), "run", LIMITS, files=files, executables=frozenset(files)))
    assert (result.exit_code, result.fault) == (127, "")
    assert result.stderr == b"cannot start /box/program: Exec format error\n"


def test_the_verdict_does_not_wait_for_a_grandchild_that_holds_the_pipes(sandbox: BubblewrapSandbox) -> None:
    result = shell(sandbox, "sleep 9 & echo done")
    assert (result.exit_code, result.stdout, result.exceeded) == (0, b"done\n", "")


@pytest.mark.parametrize(
    ("script", "limits", "exceeded"),
    [
        ("while :; do :; done", replace(LIMITS, cpu_s=2), "cpu"),
        ("sleep 60", replace(LIMITS, wall_s=0.5), "wall"),
        ("trap '' TERM INT HUP; sleep 60; sleep 60", replace(LIMITS, wall_s=0.5), "wall"),
        ("yes", LIMITS, "output"),
        ("yes >&2", LIMITS, "output"),
    ],
)
def test_limits_end_a_program(sandbox: BubblewrapSandbox, script: str, limits: Limits, exceeded: str) -> None:
    result = shell(sandbox, script, limits)
    assert (result.exceeded, result.fault) == (exceeded, "")
    assert len(result.stdout) + len(result.stderr) < LIMITS.output_bytes + (1 << 18)


@pytest.mark.parametrize("ending", ["wait", "trap '' CHLD; wait", "sleep 30"])
def test_the_cpu_time_of_all_processes_counts(sandbox: BubblewrapSandbox, ending: str) -> None:
    spin = "for i in 1 2 3; do sh -c 'i=0; while [ $i -lt 400000 ]; do i=$((i + 1)); done' & done"
    assert shell(sandbox, f"{spin}; {ending}", replace(LIMITS, cpu_s=0.5)).exceeded == "cpu"
    assert shell(sandbox, f"{spin}; wait", replace(LIMITS, cpu_s=60, wall_s=60)).exit_code == 0


def test_the_work_folder_is_limited_in_size(sandbox: BubblewrapSandbox) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c 1000000 /dev/urandom >f$i; done; du -sk . | cut -f1"
    result = shell(sandbox, script)
    assert int(result.stdout) <= LIMITS.work_bytes // 1024


def test_processes_are_limited(sandbox: BubblewrapSandbox) -> None:
    result = shell(sandbox, "for i in $(seq 40); do sleep 5 & done; echo all")
    assert b"all" not in result.stdout


def test_nothing_of_the_host_is_seen(sandbox: BubblewrapSandbox, tmp_path: Path) -> None:
    os.environ["BURNISH_SECRET"] = "x"
    try:
        listing = shell(sandbox, "ls / /proc | tr '\\n' ' '; env; id -u; ls /usr/local /home /root").stdout.decode()
    finally:
        del os.environ["BURNISH_SECRET"]
    assert "SECRET" not in listing
    assert "home" not in listing
    assert "1000" in listing
    assert tmp_path.name not in listing
    pids = [word for word in listing.split() if word.isdigit()]
    assert len(pids) < 10


def test_root_and_work_stay_apart(sandbox: BubblewrapSandbox) -> None:
    assert shell(sandbox, "touch /x").exit_code != 0
    assert shell(sandbox, "touch /usr/x").exit_code != 0
    assert shell(sandbox, "touch /tmp/x && ls /box").stdout == b"x\n"


def test_the_run_stage_has_neither_programs_nor_proc(sandbox: BubblewrapSandbox) -> None:
    result = sandbox.run(Job(("/bin/true",), "run", LIMITS))
    assert "did not start" in result.fault


def test_a_program_that_is_not_there_is_a_fault(sandbox: BubblewrapSandbox) -> None:
    assert "did not start" in sandbox.run(Job(("/no/such",), "compile", LIMITS)).fault


def test_a_set_up_that_fails_is_a_fault_at_once(sandbox: BubblewrapSandbox, tmp_path: Path) -> None:
    missing = {"/x": tmp_path / "missing"}
    result = sandbox.run(Job(("/bin/true",), "compile", LIMITS, read_only=missing))
    assert "missing" in result.fault
    assert result.exceeded == ""


def test_stop_ends_what_runs_and_what_comes(sandbox: BubblewrapSandbox) -> None:
    results: list[JobResult] = []
    thread = threading.Thread(target=lambda: results.append(shell(sandbox, "sleep 9")))
    thread.start()
    sandbox.stop()
    results.append(shell(sandbox, "sleep 9"))
    thread.join()
    sandbox.resume()
    assert [r.fault for r in results] == ["cancelled", "cancelled"]
    assert shell(sandbox, "true").fault == ""


def test_many_threads_share_one_sandbox(sandbox: BubblewrapSandbox) -> None:
    results: dict[int, bytes] = {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: shell(sandbox, f"echo {n}").stdout})) for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: f"{n}\n".encode() for n in range(12)}


def test_file_descriptors_are_closed(sandbox: BubblewrapSandbox) -> None:
    shell(sandbox, "true", files={"a": b"x"}, collect=("a",))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        shell(sandbox, "true", files={"a": b"x"}, collect=("a",))
        sandbox.run(Job(("/no/such",), "compile", LIMITS))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_collecting_from_the_run_stage_is_refused(sandbox: BubblewrapSandbox) -> None:
    with pytest.raises(ValueError, match="compile stage"):
        sandbox.run(Job(("/x",), "run", LIMITS, collect=("a",)))


def test_without_bubblewrap_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt-get install bubblewrap") as caught:
        BubblewrapSandbox()
    assert caught.value.exit_code == 3


def test_an_old_bubblewrap_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bwrap"
    old.write_text("#!/bin/sh\necho bubblewrap 0.6.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match=r"0\.6\.1 is too old"):
        BubblewrapSandbox()
