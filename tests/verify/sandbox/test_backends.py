"""What every backend must do, on those that are there; bubblewrap always is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import BurnishError, MissingToolError, SandboxError
from burnish.protocols import Job, JobResult, Limits
from burnish.verify.sandbox import open_sandbox as opening
from burnish.verify.sandbox.backend import Backend
from burnish.verify.sandbox.docker_api import Engine
from burnish.verify.sandbox.layers import missing
from burnish.verify.sandbox.open_sandbox import BACKENDS, open_sandbox, proven_findings

MIB = 1 << 20
LIMITS = Limits(cpu_s=5, wall_s=10, memory_bytes=256 * MIB, pids=16, work_bytes=8 * MIB, output_bytes=MIB)


def _available() -> list[str]:
    names = ["bubblewrap"]
    try:
        Engine()
        names.append("docker")
    except BurnishError:
        pass
    return names + (["firejail"] if shutil.which("firejail") else [])


@pytest.fixture(scope="module", params=_available())
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    one = BACKENDS[request.param]()
    yield one
    one.close()


def shell(sandbox: Backend, script: str, limits: Limits = LIMITS, **more: object) -> JobResult:
    return sandbox.run(replace(Job(("/bin/sh", "-c", script), "compile", limits), **more))  # type: ignore[arg-type]


def test_the_self_test_holds(backend: Backend) -> None:
    findings = proven_findings(backend.layers[0].split()[0])
    assert len(findings) >= 18
    assert [f for f in findings if not f.ok] == []


def test_files_go_in_and_come_out(backend: Backend) -> None:
    result = shell(backend, "cat a/b - >out; cat out", files={"a/b": b"one "}, collect=("out",), stdin=b"two")
    assert (result.exit_code, result.stdout, result.fault) == (0, b"one two", "")
    assert result.collected == {"out": b"one two"}


def test_statuses_signals_and_limits(backend: Backend) -> None:
    assert shell(backend, "exit 3").exit_code == 3
    assert shell(backend, "sh -c 'kill -11 $$'; exit $?").exit_code == 139  # a code is no signal
    assert shell(backend, "yes").exceeded == "output"
    assert shell(backend, "sleep 60", replace(LIMITS, wall_s=1)).exceeded == "wall"
    assert shell(backend, "while :; do :; done", replace(LIMITS, cpu_s=1)).exceeded == "cpu"
    assert "did not start" in backend.run(Job(("/no/such",), "compile", LIMITS)).fault


def test_nothing_is_left_for_the_next_job(backend: Backend) -> None:
    shell(backend, "mkdir -p d; echo x >d/left; chmod 0 d; touch .hidden; sleep 61 & sleep 0")
    result = shell(backend, "ls -A /box 2>/dev/null; for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; done")
    assert b"left" not in result.stdout
    assert b"hidden" not in result.stdout
    assert b"sleep 61" not in result.stdout


def test_stop_ends_what_comes(backend: Backend) -> None:
    backend.stop()
    assert shell(backend, "sleep 9").fault == "cancelled"
    backend.resume()
    assert shell(backend, "true").fault == ""


def _absent() -> Backend:
    raise MissingToolError("it is not there.", "Install it: apt-get install it")


def test_auto_goes_on_to_the_next_and_never_to_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BACKENDS", {"first": _absent, **BACKENDS})
    sandbox = open_sandbox(VerifyConfig())
    sandbox.close()
    assert sandbox.layers[0].startswith("bubblewrap")
    monkeypatch.setattr(opening, "BACKENDS", {"first": _absent, "second": _absent})
    with pytest.raises(MissingToolError, match=r"first: it is not there\. second.*apt-get install bubblewrap"):
        open_sandbox(VerifyConfig())


def test_a_required_layer_decides(backend: Backend) -> None:
    name = backend.layers[0].split()[0]
    asked = VerifyConfig.model_validate({"sandbox": name, "min_isolation": ("hidden-proc", "seccomp")})
    if missing(asked.min_isolation, backend.layers):
        with pytest.raises(SandboxError, match="hidden-proc"):
            open_sandbox(asked)
    else:
        open_sandbox(asked).close()
