"""docker and firejail with a layer switched off: the self-test must see it, or it proves nothing.

`test_mutations` does the same for bubblewrap. What runs is our own probe or a system program, never a sample.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.sandbox import docker
from burnish.verify.sandbox import host_folder as hosted
from burnish.verify.sandbox.backend import Backend
from burnish.verify.sandbox.docker import DockerSandbox
from burnish.verify.sandbox.docker_api import Attached
from burnish.verify.sandbox.firejail import INSTALL, FirejailSandbox
from burnish.verify.sandbox.selftest import self_test
from burnish.verify.sandbox.supervise import Running
from tests.sandbox.docker_daemon import why_no_docker
from tests.sandbox.test_mutations import Edit, instead, without

Change = Callable[[dict[str, Any]], object]


def failing_attempts(sandbox: Backend) -> set[str]:
    try:
        return {finding.name for finding in self_test(sandbox, find_toolchain()) if not finding.ok}
    finally:
        sandbox.close()


@pytest.fixture
def with_docker() -> None:
    if why_no_docker():
        pytest.skip(why_no_docker())


def host(**fields: Any) -> Change:
    return lambda options: options["HostConfig"].update(fields)


def ulimit(name: str) -> Change:
    def change(options: dict[str, Any]) -> None:
        options["HostConfig"]["Ulimits"] = [
            option for option in options["HostConfig"]["Ulimits"] if option["Name"] != name
        ]

    return change


def with_network(options: dict[str, Any]) -> None:
    options["NetworkDisabled"] = False
    options["HostConfig"]["NetworkMode"] = "host"
    del options["Hostname"]


def unfiltered(options: dict[str, Any]) -> None:
    options["HostConfig"]["SecurityOpt"] = ["no-new-privileges", "seccomp=unconfined"]


_OF_DOCKER: dict[str, tuple[Change, set[str]]] = {
    "network": (with_network, {"loopback unreachable"}),
    "seccomp": (
        unfiltered,
        {"system calls are filtered", "no new user namespace", "compile time: no new user namespace"},
    ),
    "memory": (host(Memory=1 << 32, MemorySwap=1 << 32), {"memory limit holds"}),
    "processes": (host(PidsLimit=0), {"process limit holds"}),
    "rlimits": (ulimit("nofile"), {"open files are limited"}),
    "size of the work folder": (
        host(Tmpfs={"/box": "mode=1777,exec,nosuid,nodev"}),
        {"work folder is limited"},
    ),
}


@pytest.mark.usefixtures("with_docker")
@pytest.mark.parametrize("layer", _OF_DOCKER)
def test_the_self_test_of_docker_fails_without_the_layer(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, expected = _OF_DOCKER[layer]
    made = docker._container

    def changed(*arguments: Any) -> dict[str, object]:
        options = made(*arguments)
        change(options)
        return options

    monkeypatch.setattr(docker, "_container", changed)
    assert failing_attempts(DockerSandbox()) == expected


@pytest.mark.usefixtures("with_docker")
def test_the_self_test_of_docker_fails_with_the_users_own_uid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "_JOB", "0:0")
    assert failing_attempts(DockerSandbox()) == {"files of root unreadable"}


@pytest.mark.usefixtures("with_docker")
def test_the_self_test_of_docker_fails_with_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "_START", docker._START.replace("/usr/bin/env -i", "/usr/bin/env LEAK=x"))
    assert failing_attempts(DockerSandbox()) == {"environment is empty"}


@pytest.mark.usefixtures("with_docker")
def test_the_self_test_of_docker_fails_without_the_output_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Attached.communicate
    monkeypatch.setattr(Attached, "communicate", lambda self, stdin, wall_s, _cap: own(self, stdin, wall_s, 1 << 40))
    assert failing_attempts(DockerSandbox()) == {"output is capped"}


def leaking(argv: list[str]) -> list[str]:
    return instead("/usr/bin/env", "-i", new=("/usr/bin/env", "LEAK=x"))(argv)


_OF_FIREJAIL: dict[str, tuple[Edit, set[str]]] = {
    "network": (without("--net=none"), {"loopback unreachable"}),
    "hidden host": (without("--whitelist"), {"compile time: host file unreadable", "host file unreadable"}),
    "seccomp": (without("--seccomp"), {"system calls are filtered"}),
    "rlimits": (without("--nofile"), {"open files are limited"}),
    "environment": (leaking, {"environment is empty"}),
}


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Callable[[Edit], FirejailSandbox]:
    if shutil.which("firejail") is None:
        pytest.skip(f"firejail is not installed ({INSTALL})")

    def make(edit: Edit) -> FirejailSandbox:
        def run(argv: Sequence[str], *rest: Any) -> Running:
            return Running(edit(list(argv)), *rest)

        monkeypatch.setattr(hosted, "Running", run)
        return FirejailSandbox()

    return make


@pytest.mark.parametrize("layer", _OF_FIREJAIL)
def test_the_self_test_of_firejail_fails_without_the_layer(
    layer: str, edited: Callable[[Edit], FirejailSandbox]
) -> None:
    edit, expected = _OF_FIREJAIL[layer]
    assert failing_attempts(edited(edit)) == expected
