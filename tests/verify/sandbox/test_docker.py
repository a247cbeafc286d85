"""The docker backend against a small daemon that runs containers with bubblewrap; `test_backends` has the real one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from burnish.errors import MissingToolError, SandboxError
from burnish.protocols import Job, JobResult, Limits
from burnish.verify.compiler.compile import Compiler
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.sandbox.docker import DockerSandbox
from tests.verify.sandbox.small_docker_daemon import SmallDaemon

MIB = 1 << 20
LIMITS = Limits(cpu_s=5, wall_s=20, memory_bytes=256 * MIB, pids=16, work_bytes=8 * MIB, output_bytes=MIB)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[SmallDaemon]:
    with SmallDaemon(tmp_path) as one:
        yield one


@pytest.fixture
def sandbox(daemon: SmallDaemon) -> Iterator[DockerSandbox]:
    one = DockerSandbox(daemon.host)
    yield one
    one.close()


def shell(sandbox: DockerSandbox, script: str, limits: Limits = LIMITS, **more: object) -> JobResult:
    return sandbox.run(replace(Job(("/bin/sh", "-c", script), "compile", limits), **more))  # type: ignore[arg-type]


def test_files_go_in_and_come_out(sandbox: DockerSandbox) -> None:
    script = "cat a/b - >out; cat out; ls -l a/b x | cut -c2-4 >&2"
    files = {"a/b": b"one ", "x": b""}
    result = shell(
        sandbox, script, files=files, executables=frozenset({"x"}), collect=("out", "none"), stdin=b"two" * 50_000
    )
    assert (result.exit_code, result.stdout, result.fault) == (0, b"one " + b"two" * 50_000, "")
    assert result.collected == {"out": b"one " + b"two" * 50_000, "none": b""}
    assert result.stderr == b"rw-\nrwx\n"
    assert result.cpu_ms == 5


def test_what_closes_its_input_early_is_read_to_its_end(sandbox: DockerSandbox) -> None:
    result = shell(sandbox, "exec <&-; sleep 0.1; echo done", stdin=b"x" * 4 * MIB)
    assert (result.exit_code, result.stdout) == (0, b"done\n")


def test_statuses_and_signals(sandbox: DockerSandbox) -> None:
    assert shell(sandbox, "exit 3").exit_code == 3
    assert shell(sandbox, "kill -11 $$").exit_code == -11


def test_one_container_serves_jobs_of_one_shape(daemon: SmallDaemon, sandbox: DockerSandbox) -> None:
    shell(sandbox, "mkdir -p d; echo x >d/left; chmod 0 d; touch .hidden", files={"given": b""})
    assert shell(sandbox, "ls -A; echo end").stdout == b"end\n"
    assert len(daemon.alive()) == 1
    shell(sandbox, "true", replace(LIMITS, pids=8))
    assert len(daemon.alive()) == 2
    sandbox.close()
    assert daemon.alive() == []
    assert not list(Path(sandbox._root.parent).glob(sandbox._root.name))


def test_a_container_that_cannot_be_emptied_is_thrown_away(daemon: SmallDaemon, sandbox: DockerSandbox) -> None:
    first = shell(sandbox, "cat", stdin=b"")
    (used,) = daemon.alive()
    daemon.containers[used].options["HostConfig"]["Tmpfs"]["/box/kept"] = ""  # a mount point cannot be removed
    assert (first.fault, shell(sandbox, "true").exit_code, daemon.alive()) == ("", 0, [])


@pytest.mark.parametrize(
    ("script", "limits", "exceeded"),
    [
        ("yes", LIMITS, "output"),
        ("yes >&2", LIMITS, "output"),
        ("sleep 60", replace(LIMITS, wall_s=1), "wall"),
        ("while :; do :; done", replace(LIMITS, cpu_s=1), "cpu"),
    ],
)
def test_limits_end_a_container_program(
    daemon: SmallDaemon, sandbox: DockerSandbox, script: str, limits: Limits, exceeded: str
) -> None:
    daemon.counted["cpu.stat"] = "usage_usec 900000\n"
    result = shell(sandbox, script, limits)
    assert (result.exceeded, result.fault) == (exceeded, "")
    assert len(daemon.alive()) == (exceeded == "cpu")


@pytest.mark.parametrize(("code", "exceeded"), [(1, "memory"), (0, "")], ids=["fails", "goes on"])
def test_memory_is_what_the_counter_says(daemon: SmallDaemon, sandbox: DockerSandbox, code: int, exceeded: str) -> None:
    assert shell(sandbox, "exit 1").exceeded == ""
    daemon.counted["memory.events"] = "oom 4\noom_kill 2\n"
    assert shell(sandbox, f"exit {code}").exceeded == exceeded
    assert shell(sandbox, "exit 1").exceeded == ""


def test_a_kill_that_no_limit_explains_is_the_programs_own(sandbox: DockerSandbox) -> None:
    result = shell(sandbox, "kill -9 $$")
    assert (result.exit_code, result.exceeded, result.fault) == (-9, "", "")


def test_a_program_that_is_not_there_is_a_fault(sandbox: DockerSandbox) -> None:
    assert "did not start" in sandbox.run(Job(("/no/such",), "compile", LIMITS)).fault
    assert shell(sandbox, "true").fault == ""


@pytest.mark.parametrize("request_", ["/containers/create", "/start$", "/exec$", "/exec/.*/json", "/attach"])
@pytest.mark.parametrize("status", [500, 0], ids=["refused", "hung up"])
def test_a_daemon_that_fails_is_a_fault_and_the_next_job_gets_a_new_container(
    daemon: SmallDaemon, sandbox: DockerSandbox, request_: str, status: int
) -> None:
    daemon.refused[request_] = status
    assert "docker" in shell(sandbox, "true").fault
    daemon.refused.clear()
    assert daemon.alive() == []
    assert shell(sandbox, "true").fault == ""


def test_stop_ends_what_runs_and_what_comes(daemon: SmallDaemon, sandbox: DockerSandbox) -> None:
    results: list[JobResult] = []
    lane = threading.Thread(target=lambda: results.append(shell(sandbox, "echo up; sleep 60")))
    lane.start()
    while not any(container.running for container in list(daemon.containers.values())):
        lane.join(0.01)
    sandbox.stop()
    lane.join()
    assert results[0].fault == "cancelled"
    assert shell(sandbox, "sleep 60").fault == "cancelled"
    sandbox.resume()
    assert (shell(sandbox, "true").fault, len(daemon.alive())) == ("", 1)


def test_the_end_of_the_owner_is_the_end_of_the_container(daemon: SmallDaemon, sandbox: DockerSandbox) -> None:
    shell(sandbox, "true")
    (container,) = daemon.containers.values()
    sandbox._idle[0].life.close()  # as the kernel does when the owner dies
    assert container.ended.wait(20)


def test_a_container_has_every_claimed_layer(daemon: SmallDaemon, sandbox: DockerSandbox) -> None:
    sandbox.run(Job(("/bin/true",), "run", LIMITS))
    (container,) = daemon.containers.values()
    host = container.options["HostConfig"]
    assert (container.options["NetworkDisabled"], host["NetworkMode"], host["ReadonlyRootfs"]) == (True, "none", True)
    assert (host["CapDrop"], host["Memory"], host["MemorySwap"]) == (["ALL"], 256 * MIB, 256 * MIB)
    assert [one for one in host["SecurityOpt"] if one.startswith("seccomp=")]
    assert not [one for one in host["Binds"] if not one.endswith(":ro")]
    assert container.options["User"].split(":")[0] not in ("0", "", "root")


def test_a_real_program_is_compiled_and_runs(sandbox: DockerSandbox) -> None:
    toolchain = find_toolchain()
    made = Compiler(sandbox, toolchain).build_program('fn main() { println!("{}", 6 * 7) }', "2021")
    assert made.reason == "ok", made.detail
    job = Job(
        ("/box/program",),
        "run",
        LIMITS,
        files={"program": made.artifact},
        executables=frozenset({"program"}),
        read_only=toolchain.runtime,
    )
    assert sandbox.run(job).stdout == b"42\n"


def test_collecting_from_the_run_stage_is_refused(sandbox: DockerSandbox) -> None:
    with pytest.raises(ValueError, match="compile stage"):
        sandbox.run(Job(("/x",), "run", LIMITS, collect=("a",)))


def test_without_a_daemon_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match=r"apt-get install docker\.io") as caught:
        DockerSandbox(f"unix://{tmp_path}/none.sock")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("status", [403, 0])
def test_a_daemon_that_does_not_answer_is_no_sandbox(daemon: SmallDaemon, status: int) -> None:
    daemon.refused["GET /version"] = status
    with pytest.raises(SandboxError, match="does not answer"):
        DockerSandbox(daemon.host)


def test_the_daemon_that_the_environment_names_is_asked(daemon: SmallDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    one = DockerSandbox()
    one.close()
    assert one.layers[0] == "docker 0.small"
